package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
)

// line is the outcome of a case.
type line struct {
	Suite  string   `json:"suite"`
	Case   string   `json:"case"`
	Ours   float64  `json:"ours"`
	Theirs float64  `json:"theirs"`
	Ratio  float64  `json:"ratio"`
	Goal   *float64 `json:"goal"` // null: the case is reported only
	Met    any      `json:"met"`  // true, false or "noise"
	Unit   string   `json:"unit"`
	Low    float64  `json:"low"` // the 95 % interval of the ratio
	High   float64  `json:"high"`
	Pairs  int      `json:"pairs"`
}

// report prints lines as they come, or a table of them at its end.
type report struct {
	out   io.Writer
	json  bool
	lines []line
}

func (r *report) add(l line) error {
	r.lines = append(r.lines, l)
	if !r.json {
		return nil
	}
	return json.NewEncoder(r.out).Encode(l)
}

func (r *report) close() {
	if r.json {
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(r.out)
	t.AppendHeader(table.Row{"suite", "case", "ours", "theirs", "unit", "ratio", "95 %", "goal", "met"})
	for _, l := range r.lines {
		goal := "reported"
		if l.Goal != nil {
			goal = fmt.Sprint(*l.Goal)
		}
		t.AppendRow(table.Row{
			l.Suite, l.Case, figure(l.Ours), figure(l.Theirs), l.Unit, fmt.Sprintf("%.3f", l.Ratio),
			fmt.Sprintf("%.3f to %.3f", l.Low, l.High), goal, l.Met,
		})
	}
	t.Render()
}

func figure(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// lineOf is the line of a comparison; without a goal it is reported only.
func lineOf(suite, name, unit string, goal *float64, of comparison) line {
	met := any(true)
	if goal != nil {
		met = of.verdict(*goal)
	}
	return line{
		Suite: suite, Case: name, Ours: of.ours, Theirs: of.theirs, Ratio: of.ratio, Goal: goal, Met: met,
		Unit: unit, Low: of.low, High: of.high, Pairs: of.pairs,
	}
}
