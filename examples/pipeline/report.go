package main

import (
	"context"
	"fmt"
)

// region is what the report says a line about: the histories of its zones, by their names.
type region struct {
	Name      string
	Year      int
	Histories []history
}

// summary is the line about a region.
func summary(_ context.Context, in region) (string, error) {
	still, never := 0, 0
	var most history
	for _, h := range in.Histories {
		switch h.Last {
		case in.Year:
			still++
		case 0:
			never++
		}
		if h.Years > most.Years {
			most = h
		}
	}
	line := fmt.Sprintf("%-12s %3d zones, %3d with summer time in %d, %3d that never had it", in.Name, len(in.Histories), still, in.Year, never)
	if most.Years > 0 {
		line += fmt.Sprintf("; the most: %s, in %d years", most.Zone, most.Years)
	}
	return line, nil
}
