package opensearchlogs

import (
	"sync"
	"time"
)

const (
	// longRequest is how long a request may take the store: what comes beside waits for it.
	longRequest  = time.Second / 2
	leastRecords = 100
	mostRecords  = 1 << 20
)

// pace finds how many records a request may have, so that a store that is slow answers soon.
type pace struct {
	mu      sync.Mutex
	records int
}

func (p *pace) limit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.records == 0 {
		return mostRecords
	}
	return p.records
}

// took says how long a request was on its way.
func (p *pace) took(records int, long time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case long > longRequest:
		p.records = max(records/2, leastRecords)
	case long < longRequest/4 && p.records > 0 && records >= p.records:
		p.records = min(2*p.records, mostRecords)
	}
}
