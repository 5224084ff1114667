package spread

import (
	"testing"
	"time"
)

// die ends a gateway with all that it had in memory.
func (g *gateway) die() {
	g.kill()
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.got)
}

func TestWhatADeadOneHadIsSentToTheNextAndBackWhenItReturns(t *testing.T) {
	a, b, c := newGateway(t), newGateway(t), newGateway(t)
	remembering := config(a, b, c)
	remembering.Remember = time.Minute
	exporter := started(t, remembering)
	send(t, exporter, batch(0, 600))
	of := b.traces()
	b.die()
	until(t, "the others have its traces, whole", func() bool {
		found := 0
		for _, g := range []*gateway{a, c} {
			for id, spans := range g.traces() {
				if of[id] == 2 && spans == 2 {
					found++
				}
			}
		}
		return found == len(of)
	})
	for _, g := range []*gateway{a, c} {
		for id, spans := range g.traces() {
			if of[id] == 0 && spans != 2 {
				t.Fatalf("a trace of a living one has %d spans there, want 2", spans)
			}
		}
	}
	b.start()
	until(t, "it has them again", func() bool { return len(b.traces()) == len(of) })
	for id, spans := range b.traces() {
		if of[id] != 2 || spans != 2 {
			t.Fatalf("a trace has %d spans there, had %d", spans, of[id])
		}
	}
}

func TestWhatNobodyCouldTakeIsSentToWhoeverReturns(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	remembering := config(a, b)
	remembering.Remember = time.Minute
	send(t, started(t, remembering), batch(0, 100))
	a.die()
	b.die()
	b.start()
	until(t, "all of them are there", func() bool { return len(b.traces()) == 100 })
}

func TestWhatIsOldOrTooMuchIsForgotten(t *testing.T) {
	size := sizes.TracesSize(batch(0, 10))
	kept := newRecent(time.Hour, 3*size)
	for range 5 {
		kept.add(batch(0, 10), nil, 0)
	}
	if kept.bytes != 3*size || kept.batches.Len() != 3 {
		t.Errorf("%d batches of %d bytes, want 3 of %d", kept.batches.Len(), kept.bytes, 3*size)
	}
	kept.keep = time.Nanosecond
	if found := kept.take(); len(found) != 0 || kept.bytes != 0 {
		t.Errorf("%d batches, %d bytes", len(found), kept.bytes)
	}
}

func TestNothingIsRememberedUnasked(t *testing.T) {
	kept := newRecent(0, 1)
	kept.add(batch(0, 10), nil, 0)
	if len(kept.take()) != 0 {
		t.Error("it is")
	}
}
