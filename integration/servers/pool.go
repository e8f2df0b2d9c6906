package servers

import (
	"context"
	"errors"
	"sync"
)

// Pool starts a server of each product when it is first asked for, and keeps it for those who ask later. The zero value is ready.
type Pool struct {
	mu      sync.Mutex
	servers map[Product]*Server
}

// Server returns the pool's server of a product. Nobody but the pool may end it.
func (p *Pool) Server(ctx context.Context, which Product) (*Server, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.servers[which]; ok {
		return s, nil
	}
	s, err := Start(ctx, which)
	if err != nil {
		return nil, err
	}
	if p.servers == nil {
		p.servers = map[Product]*Server{}
	}
	p.servers[which] = s
	return s, nil
}

// Close removes all servers of the pool.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var failures []error
	for which, s := range p.servers {
		failures = append(failures, s.Close())
		delete(p.servers, which)
	}
	return errors.Join(failures...)
}
