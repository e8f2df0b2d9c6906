package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// source is the text of the time zone database, in zic's compact form.
type source struct{ Text string }

// table is what the next steps need of the database: the other columns are left out, so that a change in them ends here.
type table struct {
	Year  int // of the database
	Zones []zone
}

// zone is a place with the laws that its clocks follow, and what it needs of the rules that those name.
type zone struct {
	Name  string
	Eras  []era
	Rules []rule
}

// era is the days on which one law held, from the first to before the last, as 20250330.
type era struct {
	From, To int
	Save     bool   // it was summer time throughout
	Rule     string // else the rules for that, or none
}

// rule says in which years, the last one included, summer time begins, and on which day.
type rule struct {
	Name      string
	From, To  int
	Month, On string
}

// clean reads the database: its rules (lines with R), and its zones (lines with Z) with the lines that continue them. What goes on for ever goes on until the database's year.
// Links, and zones that are no places, as EST and Etc/GMT+5, are left out.
func clean(_ context.Context, in source) (table, error) {
	var t table
	rules := map[string][]rule{} // by name
	lines := bufio.NewScanner(strings.NewReader(in.Text))
	var open *zone // the zone whose next era comes
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		var err error
		switch {
		case len(fields) == 0:
		case strings.HasPrefix(lines.Text(), "# version "): // as 2025b
			t.Year, err = strconv.Atoi(strings.TrimRight(lines.Text()[len("# version "):], "abcdefghijklmnopqrstuvwxyz"))
		case fields[0] == "#" || fields[0] == "L":
		case fields[0] == "R":
			err = readRule(fields, t.Year, rules)
		case fields[0] == "Z" && len(fields) > 2:
			t.Zones = append(t.Zones, zone{Name: fields[1]})
			open = &t.Zones[len(t.Zones)-1]
			err = open.read(fields[2:], t.Year)
		case open != nil:
			err = open.read(fields, t.Year)
		default:
			err = fmt.Errorf("neither a rule nor a zone")
		}
		if err != nil {
			return table{}, fmt.Errorf("line %d of the database, %q: %w", n, lines.Text(), err)
		}
	}
	if err := lines.Err(); err != nil {
		return table{}, err
	}
	if t.Year == 0 {
		return table{}, fmt.Errorf("the database does not say its version")
	}
	t.Zones = slices.DeleteFunc(t.Zones, func(z zone) bool { return !strings.Contains(z.Name, "/") || strings.HasPrefix(z.Name, "Etc/") })
	slices.SortFunc(t.Zones, func(a, b zone) int { return cmp.Compare(a.Name, b.Name) })
	for i := range t.Zones {
		z := &t.Zones[i]
		for _, e := range z.Eras {
			if e.Rule != "" && !slices.ContainsFunc(z.Rules, func(r rule) bool { return r.Name == e.Rule }) {
				z.Rules = append(z.Rules, rules[e.Rule]...)
			}
		}
	}
	return t, nil
}

// readRule reads R NAME FROM TO - IN ON AT SAVE LETTER.
func readRule(fields []string, year int, rules map[string][]rule) error {
	if len(fields) < 9 {
		return fmt.Errorf("%d columns of a rule, want 10", len(fields))
	}
	r := rule{Name: fields[1], Month: fields[5], On: fields[6]}
	var err error
	if r.From, err = strconv.Atoi(fields[2]); err != nil {
		return err
	}
	if _, err = date(r.From, r.Month, r.On); err != nil {
		return err
	}
	switch fields[3] {
	case "o": // only
		r.To = r.From
	case "ma": // for ever
		r.To = year
	default:
		if r.To, err = strconv.Atoi(fields[3]); err != nil {
			return err
		}
	}
	r.To = min(r.To, year) // some are foreseen
	if fields[8] != "0" && r.From <= r.To {
		rules[r.Name] = append(rules[r.Name], r)
	}
	return nil
}

// read reads STDOFF RULES FORMAT UNTIL, where UNTIL is a year, a year with a month, or a day with its time, and is missing in the last era.
func (z *zone) read(fields []string, year int) error {
	if len(fields) < 3 {
		return fmt.Errorf("%d columns of a zone, want 3 or more", len(fields))
	}
	e := era{To: year*10_000 + 12_31}
	if n := len(z.Eras); n > 0 {
		e.From = z.Eras[n-1].To
	}
	if len(fields) > 3 {
		until, err := strconv.Atoi(fields[3])
		if err != nil {
			return err
		}
		day := []string{"Ja", "1"}
		copy(day, fields[4:])
		if e.To, err = date(until, day[0], day[1]); err != nil {
			return err
		}
	}
	switch law := strings.TrimPrefix(fields[1], "-"); {
	case law == "" || law == "0": // standard time
	case '0' <= law[0] && law[0] <= '9':
		e.Save = true
	default:
		e.Rule = fields[1]
	}
	z.Eras = append(z.Eras, e)
	return nil
}
