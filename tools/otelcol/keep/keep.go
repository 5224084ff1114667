package keep

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

const (
	scope = "observability-suite/otelcol/keep"
	// MarkLate is on spans that made their trace wanted after the rest of it had been dropped.
	MarkLate = "obs.late"

	// What is held takes more memory than a message: about twice its bytes, and so much for each span
	// and for each trace's copy of a resource.
	perByte, perSpan, perCopy = 2, 300, 700
)

var sizes ptrace.ProtoMarshaler

// held is a trace that nothing speaks for yet.
type held struct {
	id     pcommon.TraceID
	spans  ptrace.Traces
	bytes  int
	since  time.Time
	rooted bool
	extent extent
	place  *list.Element
}

type keeper struct {
	config *Config
	next   consumer.Traces
	logger *zap.Logger
	now    func() time.Time

	mu      sync.Mutex
	waiting map[pcommon.TraceID]*held
	// byAge has all that wait, the oldest first; those beyond their wait but without root move to `rootless`.
	byAge, rootless *list.List
	bytes           int
	// decided remembers by trace whether it is kept.
	decided *simplelru.LRU[pcommon.TraceID, *verdict]

	kept, dropped, late, early metric.Int64Counter
	done                       chan struct{}
	ended                      sync.WaitGroup
}

// verdict is what became of a trace, and how far it reached.
type verdict struct {
	keep   bool
	extent extent
}

func newKeeper(config *Config, set component.TelemetrySettings, next consumer.Traces) (*keeper, error) {
	k := &keeper{
		config: config, next: next, logger: set.Logger, now: time.Now,
		waiting: map[pcommon.TraceID]*held{}, byAge: list.New(), rootless: list.New(), done: make(chan struct{}),
	}
	decided, err := simplelru.NewLRU[pcommon.TraceID, *verdict](config.Traces, nil)
	errs := []error{err}
	k.decided = decided
	meter := set.MeterProvider.Meter(scope)
	for name, counter := range map[string]struct {
		target      *metric.Int64Counter
		description string
	}{
		"kept":             {&k.kept, "Traces that are kept."},
		"dropped":          {&k.dropped, "Traces that nothing spoke for while they were held."},
		"kept_late":        {&k.late, "Traces that were dropped before a span came that speaks for them; kept from then on."},
		"dropped_too_soon": {&k.early, "Traces dropped before their time, since more were under way than are held."},
	} {
		*counter.target, err = meter.Int64Counter("otelcol_keep_"+name+"_traces",
			metric.WithDescription(counter.description), metric.WithUnit("{traces}"))
		errs = append(errs, err)
	}
	return k, errors.Join(errs...)
}

func (k *keeper) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (k *keeper) Start(ctx context.Context, _ component.Host) error {
	for _, counter := range []metric.Int64Counter{k.kept, k.dropped, k.late, k.early} {
		counter.Add(ctx, 0)
	}
	k.ended.Add(1)
	go func() {
		defer k.ended.Done()
		ticker := time.NewTicker(min(k.config.Wait/4, 500*time.Millisecond))
		defer ticker.Stop()
		for {
			select {
			case <-k.done:
				return
			case <-ticker.C:
				k.mu.Lock()
				k.judge(k.now())
				k.mu.Unlock()
			}
		}
	}()
	return nil
}

// Shutdown forgets what is held: nothing has spoken for it.
func (k *keeper) Shutdown(context.Context) error {
	select {
	case <-k.done:
	default:
		close(k.done)
	}
	k.ended.Wait()
	return nil
}

// ConsumeTraces passes on what is to be kept, with what was held of it, and holds the rest.
//
// Where passing on fails, the client is not told: it would send all of it again, the
// spans that are held and those that others count as well. The exporter counts what
// its queue has no room for.
func (k *keeper) ConsumeTraces(ctx context.Context, traces ptrace.Traces) error {
	out := ptrace.NewTraces()
	k.mu.Lock()
	now := k.now()
	for _, rs := range traces.ResourceSpans().All() {
		k.resource(ctx, now, rs, out)
	}
	for len(k.waiting) > k.config.Traces || k.bytes > k.config.Bytes {
		k.makeRoom(ctx)
	}
	k.mu.Unlock()
	if out.ResourceSpans().Len() == 0 {
		return nil
	}
	if err := k.next.ConsumeTraces(ctx, out); err != nil {
		k.logger.Warn("Kept spans could not be passed on.", zap.Int("spans", out.SpanCount()), zap.Error(err))
	}
	return nil
}

// sorted gives each trace its own copy of a resource and scope.
type sorted struct {
	from ptrace.ResourceSpans
	to   map[pcommon.TraceID]ptrace.SpanSlice
}

func (s *sorted) spans(id pcommon.TraceID, ss ptrace.ScopeSpans, into ptrace.Traces) ptrace.SpanSlice {
	found, ok := s.to[id]
	if !ok {
		rs := into.ResourceSpans().AppendEmpty()
		s.from.Resource().CopyTo(rs.Resource())
		rs.SetSchemaUrl(s.from.SchemaUrl())
		scoped := rs.ScopeSpans().AppendEmpty()
		ss.Scope().CopyTo(scoped.Scope())
		scoped.SetSchemaUrl(ss.SchemaUrl())
		found = scoped.Spans()
		s.to[id] = found
	}
	return found
}

// copySize is what a copy of a resource and scope takes.
func copySize(rs ptrace.ResourceSpans, ss ptrace.ScopeSpans) int {
	alone := ptrace.NewTraces()
	copied := sorted{rs, map[pcommon.TraceID]ptrace.SpanSlice{}}
	copied.spans(pcommon.TraceID{}, ss, alone)
	return perCopy + perByte*sizes.TracesSize(alone)
}

func (k *keeper) resource(ctx context.Context, now time.Time, rs ptrace.ResourceSpans, out ptrace.Traces) {
	attributes := rs.Resource().Attributes()
	for _, ss := range rs.ScopeSpans().All() {
		apart := sorted{rs, map[pcommon.TraceID]ptrace.SpanSlice{}}
		shared := copySize(rs, ss)
		// All that is kept goes on together; no trace has the id of zeros.
		pass := sorted{rs, map[pcommon.TraceID]ptrace.SpanSlice{}}
		for _, span := range ss.Spans().All() {
			id := span.TraceID()
			if k.keeps(ctx, now, span, attributes, out) {
				span.MoveTo(pass.spans(pcommon.TraceID{}, ss, out).AppendEmpty())
				continue
			}
			trace, ok := k.waiting[id]
			if !ok {
				continue
			}
			size := perSpan + perByte*sizes.SpanSize(span)
			if _, ok := apart.to[id]; !ok {
				size += shared
			}
			trace.bytes += size
			k.bytes += size
			span.MoveTo(apart.spans(id, ss, trace.spans).AppendEmpty())
		}
	}
}

// keeps says whether a span is passed on now; if its trace is decided by it, what was held of that goes out too.
func (k *keeper) keeps(ctx context.Context, now time.Time, span ptrace.Span, resource pcommon.Map, out ptrace.Traces) bool {
	id := span.TraceID()
	if found, ok := k.decided.Get(id); ok {
		if found.keep {
			return true
		}
		found.extent.add(span)
		if !k.config.wanted(span, resource, &found.extent) {
			return false
		}
		found.keep = true
		k.late.Add(ctx, 1)
		k.kept.Add(ctx, 1)
		span.Attributes().PutBool(MarkLate, true)
		return true
	}
	trace, ok := k.waiting[id]
	if !ok {
		trace = &held{id: id, since: now, spans: ptrace.NewTraces()}
	}
	trace.extent.add(span)
	trace.rooted = trace.rooted || span.ParentSpanID().IsEmpty()
	if !ok && k.config.lucky(id) || k.config.wanted(span, resource, &trace.extent) {
		k.decided.Add(id, &verdict{keep: true})
		k.kept.Add(ctx, 1)
		if ok {
			k.forget(trace)
			trace.spans.ResourceSpans().MoveAndAppendTo(out.ResourceSpans())
		}
		return true
	}
	if !ok {
		k.waiting[id] = trace
		trace.place = k.byAge.PushBack(trace)
	}
	return false
}

// judge drops what has waited for long enough.
func (k *keeper) judge(now time.Time) {
	for element := k.byAge.Front(); element != nil; element = k.byAge.Front() {
		trace := element.Value.(*held)
		if now.Sub(trace.since) < k.config.Wait {
			break
		}
		if trace.rooted {
			k.drop(trace)
			continue
		}
		k.byAge.Remove(element)
		trace.place = k.rootless.PushBack(trace)
	}
	for element := k.rootless.Front(); element != nil; {
		trace, following := element.Value.(*held), element.Next()
		// A root that came was given time to be followed by others.
		if trace.rooted || now.Sub(trace.since) >= k.config.RootWait {
			k.drop(trace)
		}
		element = following
	}
}

// makeRoom drops one trace before its time: best one whose root is missing for long, else the oldest.
func (k *keeper) makeRoom(ctx context.Context) {
	element := k.rootless.Front()
	if element == nil {
		element = k.byAge.Front()
		k.early.Add(ctx, 1)
	}
	k.drop(element.Value.(*held))
}

func (k *keeper) drop(trace *held) {
	k.forget(trace)
	k.decided.Add(trace.id, &verdict{extent: trace.extent})
	k.dropped.Add(context.Background(), 1)
}

func (k *keeper) forget(trace *held) {
	delete(k.waiting, trace.id)
	k.bytes -= trace.bytes
	// Remove does nothing on the list that it is not in.
	k.byAge.Remove(trace.place)
	k.rootless.Remove(trace.place)
}
