# Whoever asks, and whatever else allows it: nothing without TLS 1.2.
resource "aws_s3_bucket_policy" "store" {
  bucket = aws_s3_bucket.store.id
  region = var.region

  # S3 refuses one of two changes of a bucket's access at the same time.
  depends_on = [aws_s3_bucket_public_access_block.store, aws_s3_bucket_ownership_controls.store]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyWithoutTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = local.all
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DenyOldTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = local.all
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ]
  })
}

locals {
  arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"
  all = [local.arn, "${local.arn}/*"]
}

data "aws_partition" "current" {}
