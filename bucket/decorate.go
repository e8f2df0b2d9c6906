package bucket

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
	if d.Meter != nil {
		b = Wrap(b, Observe(d.Meter))
	}
	if d.Limit > 0 {
		b = Wrap(b, Limit(d.Limit))
	}
	b = Wrap(b, Retry(d.Retry))
	if d.Prefix != "" {
		prefix, err := Prefix(d.Prefix)
		if err != nil {
			return nil, err
		}
		b = Wrap(b, prefix)
	}
	if d.ReadOnly {
		b = Wrap(b, ReadOnly())
	}
	return b, nil
}
