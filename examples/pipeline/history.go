package main

import "context"

// history is in how many years summer time began in a zone, and the last of them; zeros where it never did.
type history struct {
	Zone  string
	Years int
	Last  int
}

// recount counts the years in which a zone left its standard time: in spring, or in autumn as Ireland does by its law.
func recount(_ context.Context, z zone) (history, error) {
	h := history{Zone: z.Name}
	began := map[int]bool{}
	for _, e := range z.Eras {
		if e.Save {
			began[e.From/10_000] = true
		}
		for _, r := range z.Rules {
			for year := r.From; r.Name == e.Rule && year <= r.To; year++ {
				day, err := date(year, r.Month, r.On)
				if err != nil {
					return history{}, err
				}
				if e.From <= day && day < e.To {
					began[year] = true
				}
			}
		}
	}
	for year := range began {
		h.Last = max(h.Last, year)
	}
	h.Years = len(began)
	return h, nil
}
