package spread

import (
	"container/list"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// recent is what receivers took a short while ago and may not have spoken for yet: it
// would be lost with one that dies, and torn from the rest of its trace that goes to
// another from now on. So it is sent again to whoever has its trace then.
type recent struct {
	keep time.Duration
	most int

	mu      sync.Mutex
	batches *list.List
	bytes   int
}

// taken is a batch, by whom it was taken, and which of its lives that was.
type taken struct {
	traces ptrace.Traces
	by     *receiver
	life   int64
	at     time.Time
	bytes  int
}

var sizes ptrace.ProtoMarshaler

func newRecent(keep time.Duration, most int) *recent {
	return &recent{keep: keep, most: most, batches: list.New()}
}

func (r *recent) add(traces ptrace.Traces, by *receiver, life int64) {
	if r.keep > 0 {
		r.put(&taken{traces: traces, by: by, life: life, at: time.Now(), bytes: sizes.TracesSize(traces)})
	}
}

// put also forgets what is too old, or too much.
func (r *recent) put(batch *taken) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches.PushBack(batch)
	r.bytes += batch.bytes
	for first := r.batches.Front(); first != nil; first = r.batches.Front() {
		oldest := first.Value.(*taken)
		if r.bytes <= r.most && time.Since(oldest.at) < r.keep {
			return
		}
		r.batches.Remove(first)
		r.bytes -= oldest.bytes
	}
}

// take gives away all that is remembered.
func (r *recent) take() []*taken {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*taken
	for element := r.batches.Front(); element != nil; element = element.Next() {
		if batch := element.Value.(*taken); time.Since(batch.at) < r.keep {
			all = append(all, batch)
		}
	}
	r.batches.Init()
	r.bytes = 0
	return all
}
