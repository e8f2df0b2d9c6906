package export

// ParquetInGroups writes a Parquet file whose row groups end at so many rows or bytes.
var ParquetInGroups = parquetInGroups
