package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

// duck is DuckDB with a view, "calls", of what is current in the index in a directory.
type duck struct{ *sql.DB }

// openDuck makes the view from the manifests, as any reader of docs/format.md may. It is one connection, with all cores, and keeps the metadata of files that it has read.
func openDuck(ctx context.Context, dir string) (_ *duck, err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	db.SetMaxOpenConns(1)
	files, deleted, err := current(dir)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no segments", dir)
	}
	view := fmt.Sprintf("CREATE VIEW calls AS SELECT %s FROM read_parquet([%s])", columns, quoted(files))
	statements := []string{"SET parquet_metadata_cache = true"}
	if len(deleted) > 0 {
		statements = append(statements, "CREATE TABLE deleted (file VARCHAR, row BIGINT)")
		view = fmt.Sprintf("CREATE VIEW calls AS SELECT %s FROM read_parquet([%s], filename = true, file_row_number = true) ANTI JOIN deleted ON filename = file AND file_row_number = row",
			columns, quoted(files))
	}
	for file, rows := range deleted {
		values := make([]string, len(rows))
		for i, row := range rows {
			values[i] = fmt.Sprint(row)
		}
		statements = append(statements, fmt.Sprintf("INSERT INTO deleted SELECT %s, unnest([%s])", quoted([]string{file}), strings.Join(values, ",")))
	}
	for _, statement := range append(statements, view) {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	return &duck{db}, nil
}

// columns are those of a table.
const columns = "name, module, key, version_integer, version_text, code, arguments, result, parts, metadata, saved, seq, write"

func quoted(texts []string) string {
	literals := make([]string, len(texts))
	for i, text := range texts {
		literals[i] = "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return strings.Join(literals, ", ")
}

// current returns the tables that the manifests in a directory list, and the numbers of their deleted rows.
func current(dir string) (files []string, deleted map[string][]uint32, err error) {
	manifests, err := filepath.Glob(filepath.Join(dir, "index", "*", "manifest.json"))
	if err != nil {
		return nil, nil, err
	}
	deleted = map[string][]uint32{}
	for _, name := range manifests {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		var manifest struct {
			Segments []struct {
				ID        string
				Deletions *struct {
					Data []byte
					ID   string
				}
			}
		}
		if err := json.Unmarshal(text, &manifest); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, s := range manifest.Segments {
			object := func(id, kind string) string { return filepath.Join(filepath.Dir(name), "segments", id+kind) }
			file := object(s.ID, ".parquet")
			files = append(files, file)
			if s.Deletions == nil {
				continue
			}
			data := s.Deletions.Data
			if s.Deletions.ID != "" {
				if data, err = os.ReadFile(object(s.Deletions.ID, ".deletions")); err != nil {
					return nil, nil, err
				}
			}
			var rows roaring.Bitmap
			if err := rows.UnmarshalBinary(data); err != nil {
				return nil, nil, fmt.Errorf("the deletions of %s: %w", file, err)
			}
			deleted[file] = rows.ToArray()
		}
	}
	return files, deleted, nil
}

// rows runs a query, takes all its rows into this process as Go values, and returns how many there were.
func (d *duck) rows(ctx context.Context, query string, arguments ...any) (n int, err error) {
	found, err := d.QueryContext(ctx, query, arguments...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	columns, err := found.Columns()
	if err != nil {
		return 0, err
	}
	row := make([]any, len(columns))
	places := make([]any, len(columns))
	for i := range row {
		places[i] = &row[i]
	}
	for found.Next() {
		if err := found.Scan(places...); err != nil {
			return n, err
		}
		n++
	}
	return n, found.Err()
}

// number runs a query that has one number for an answer.
func (d *duck) number(ctx context.Context, query string, arguments ...any) (n int, err error) {
	return n, d.QueryRowContext(ctx, query, arguments...).Scan(&n)
}

// has is the SQL for a row that has an argument: its name and its digest are the two parameters.
const has = "list_contains(arguments, {'name': ?::VARCHAR, 'digest': ?::BLOB})"
