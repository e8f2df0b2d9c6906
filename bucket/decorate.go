package bucket

// Tuned is a bucket that knows what suits its store.
type Tuned interface {
	Tuning() Tuning
}

// Tuning is what suits a store.
type Tuning struct {
	Retry     RetryOptions // what Decorate takes for the fields of Retry that are left zero
	ReadAhead int          // parts of a large object that ReadAhead asks for at once; below 2: one request for all of it
}

// Decorators says which decorators a bucket gets. A zero field leaves its decorator out, except Retry, whose zero value is its defaults.
type Decorators struct {
	ReadOnly bool
	Prefix   string // with its closing slash
	Retry    RetryOptions
	Limit    int // requests at once
	Meter    *Meter
}

// Decorate puts the decorators around b in their one right order, from the outside: read-only, prefix, retry, limit, observe. So a write
// that is refused costs nothing, waiting between attempts holds no slot, and every attempt is limited and counted.
func Decorate(b Bucket, d Decorators) (Bucket, error) {
	var tuning Tuning
	if tuned, ok := As[Tuned](b); ok {
		tuning = tuned.Tuning()
	}
	chain := []Middleware{Retry(d.Retry.or(tuning.Retry))}
	if d.Limit > 0 {
		chain = append(chain, Limit(d.Limit))
	}
	if d.Meter != nil {
		chain = append(chain, Observe(d.Meter))
	}
	b = Wrap(b, chain...)
	if d.Prefix != "" {
		var err error
		if b, err = Under(b, d.Prefix); err != nil {
			return nil, err
		}
	}
	if d.ReadOnly {
		b = Wrap(b, ReadOnly())
	}
	return b, nil
}
