package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	months = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	days   = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
)

// date returns a day as 20250330. The database cuts names short, and has days as 30, lastSu, Su>=25 and Su<=30.
func date(year int, month, on string) (int, error) {
	m, err := named(months, month)
	if err != nil {
		return 0, err
	}
	first := time.Date(year, time.Month(m+1), 1, 0, 0, 0, 0, time.UTC)
	var day time.Time
	if name, last := strings.CutPrefix(on, "last"); last {
		day, err = nearest(first.AddDate(0, 1, -1), name, -1)
	} else if name, from, found := strings.Cut(on, ">="); found {
		day, err = nearest(nth(first, from), name, 1)
	} else if name, from, found := strings.Cut(on, "<="); found {
		day, err = nearest(nth(first, from), name, -1)
	} else {
		day = nth(first, on)
	}
	if err != nil || day.Before(first.AddDate(0, 0, -7)) {
		return 0, fmt.Errorf("there is no day %q", on)
	}
	return day.Year()*10_000 + int(day.Month())*100 + day.Day(), nil
}

// nth is a day of the month that begins with first; the zero time where that is no number.
func nth(first time.Time, day string) time.Time {
	n, err := strconv.Atoi(day)
	if err != nil || n < 1 || n > 31 {
		return time.Time{}
	}
	return first.AddDate(0, 0, n-1)
}

// nearest is the first day of a name from a day on, forward or back.
func nearest(day time.Time, name string, step int) (time.Time, error) {
	weekday, err := named(days, name)
	for err == nil && int(day.Weekday()) != weekday {
		day = day.AddDate(0, 0, step)
	}
	return day, err
}

// named returns which name a text is short for.
func named(names []string, short string) (int, error) {
	if i := slices.IndexFunc(names, func(name string) bool { return short != "" && strings.HasPrefix(name, short) }); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%q is short for none of %s", short, strings.Join(names, ", "))
}
