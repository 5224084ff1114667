package spread

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

// gateway is a receiver that can be killed, and come back at its address.
type gateway struct {
	ptraceotlp.UnimplementedGRPCServer
	t       *testing.T
	address string
	server  *grpc.Server
	mu      sync.Mutex
	answer  func() error
	got     map[pcommon.TraceID]int
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{t: t, address: "127.0.0.1:0", got: map[pcommon.TraceID]int{}}
	g.start()
	t.Cleanup(g.kill)
	return g
}

func (g *gateway) start() {
	listener, err := net.Listen("tcp", g.address)
	if err != nil {
		g.t.Fatal(err)
	}
	g.address = listener.Addr().String()
	g.server = grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(g.server, g)
	go func(server *grpc.Server) { _ = server.Serve(listener) }(g.server)
}

func (g *gateway) kill() { g.server.Stop() }

func (g *gateway) answers(answer func() error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = answer
}

func (g *gateway) Export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	g.mu.Lock()
	answer := g.answer
	g.mu.Unlock()
	if answer != nil {
		if err := answer(); err != nil {
			return ptraceotlp.NewExportResponse(), err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	each(request.Traces(), func(_ ptrace.ResourceSpans, _ ptrace.ScopeSpans, span ptrace.Span) { g.got[span.TraceID()]++ })
	return ptraceotlp.NewExportResponse(), nil
}

func (g *gateway) traces() map[pcommon.TraceID]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := map[pcommon.TraceID]int{}
	for id, count := range g.got {
		found[id] = count
	}
	return found
}

func each(traces ptrace.Traces, do func(ptrace.ResourceSpans, ptrace.ScopeSpans, ptrace.Span)) {
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				do(rs, ss, span)
			}
		}
	}
}

func id(number int) pcommon.TraceID {
	var id pcommon.TraceID
	binary.BigEndian.PutUint64(id[8:], uint64(number)+1)
	return id
}

// batch has a span of each of the traces from..to for each of two services.
func batch(from, to int) ptrace.Traces {
	traces := ptrace.NewTraces()
	for _, service := range []string{"a", "b"} {
		rs := traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", service)
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("scope of " + service)
		for number := from; number < to; number++ {
			span := ss.Spans().AppendEmpty()
			span.SetTraceID(id(number))
			span.SetName("of " + service)
		}
	}
	return traces
}

func config(gateways ...*gateway) *Config {
	made := defaults().(*Config)
	made.TLS.Insecure = true
	made.Queue.Enabled = false
	made.Retry.InitialInterval = 50 * time.Millisecond
	for _, g := range gateways {
		made.Endpoints = append(made.Endpoints, g.address)
	}
	return made
}

func started(t *testing.T, config *Config) exporter.Traces {
	t.Helper()
	made, err := NewFactory().CreateTraces(context.Background(), exportertest.NewNopSettings(Type), config)
	if err == nil {
		err = made.Start(context.Background(), componenttest.NewNopHost())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Shutdown(context.Background()) })
	return made
}

func send(t *testing.T, exporter exporter.Traces, traces ptrace.Traces) {
	t.Helper()
	within, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := exporter.ConsumeTraces(within, traces); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func TestWhoeverSendsASpanOfATraceSendsItToTheSame(t *testing.T) {
	a, b, c := newGateway(t), newGateway(t), newGateway(t)
	one, other := started(t, config(a, b, c)), started(t, config(c, a, b))
	send(t, one, batch(0, 3000))
	send(t, other, batch(0, 3000))
	whole := 0
	for _, g := range []*gateway{a, b, c} {
		found := g.traces()
		if len(found) < 850 || len(found) > 1150 {
			t.Errorf("one has %d of 3000 traces, want about a third", len(found))
		}
		for _, spans := range found {
			if spans == 4 {
				whole++
			}
		}
	}
	if whole != 3000 {
		t.Errorf("%d of 3000 traces are whole at one receiver", whole)
	}
}

func TestOnlyTheTracesOfOneThatDiedMoveAndTheyReturn(t *testing.T) {
	a, b, c := newGateway(t), newGateway(t), newGateway(t)
	exporter := started(t, config(a, b, c))
	send(t, exporter, batch(0, 1000))
	before := map[*gateway]map[pcommon.TraceID]int{a: a.traces(), b: b.traces(), c: c.traces()}
	b.kill()
	begun := time.Now()
	send(t, exporter, batch(0, 1000))
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("the others have the traces after %s", took)
	}
	moved := 0
	for _, g := range []*gateway{a, c} {
		for id, spans := range g.traces() {
			switch {
			case before[g][id] == 2 && spans != 4:
				t.Errorf("a trace of a living one has %d spans there", spans)
			case before[g][id] == 0 && before[b][id] != 2:
				t.Error("a trace moved whose receiver lives")
			case before[g][id] == 0:
				moved++
			}
		}
	}
	if moved != len(before[b]) {
		t.Errorf("%d traces moved, want %d", moved, len(before[b]))
	}
	b.start()
	until(t, "its traces return", func() bool {
		send(t, exporter, batch(0, 1000))
		return len(b.traces()) == len(before[b]) && b.traces()[anyOf(before[b])] > 2
	})
}

func anyOf(traces map[pcommon.TraceID]int) pcommon.TraceID {
	for id := range traces {
		return id
	}
	return pcommon.TraceID{}
}

func TestOneThatHasNoRoomKeepsItsTraces(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	exporter := started(t, config(a, b))
	send(t, exporter, batch(0, 200))
	before := len(a.traces())
	left := 3
	a.answers(func() error {
		if left--; left >= 0 {
			return status.Error(codes.Unavailable, "data refused due to high memory usage")
		}
		return nil
	})
	send(t, exporter, batch(0, 200))
	if len(a.traces()) != before || len(b.traces()) != 200-before {
		t.Errorf("the traces are split: %d and %d", len(a.traces()), len(b.traces()))
	}
	for _, g := range []*gateway{a, b} {
		for _, spans := range g.traces() {
			if spans != 4 {
				t.Fatalf("a trace has %d spans, want 4", spans)
			}
		}
	}
}

func TestOneThatIsSlowKeepsItsTraces(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	slow := config(a, b)
	slow.Timeout = 100 * time.Millisecond
	exporter := started(t, slow)
	send(t, exporter, batch(0, 200))
	before := len(a.traces())
	var asked atomic.Int64
	release := make(chan struct{})
	a.answers(func() error {
		if asked.Add(1) <= 3 {
			<-release
			return errors.New("nobody waits for this any more")
		}
		return nil
	})
	defer close(release)
	send(t, exporter, batch(0, 200))
	if asked.Load() <= 3 {
		t.Errorf("it was asked %d times", asked.Load())
	}
	if len(a.traces()) != before || len(b.traces()) != 200-before {
		t.Errorf("the traces are split: %d and %d", len(a.traces()), len(b.traces()))
	}
}

func TestOneThatHangsIsLeftAlone(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	hanging := config(a, b)
	hanging.Timeout, hanging.Patience = 200*time.Millisecond, 200*time.Millisecond
	exporter := started(t, hanging)
	send(t, exporter, batch(0, 10))
	release := make(chan struct{})
	a.answers(func() error { <-release; return errors.New("too late") })
	defer close(release)
	send(t, exporter, batch(100, 200))
	begun := time.Now()
	send(t, exporter, batch(200, 300))
	if took := time.Since(begun); took > 150*time.Millisecond {
		t.Errorf("it is asked again at once: %s", took)
	}
	found := 0
	for id := range b.traces() {
		if binary.BigEndian.Uint64(id[8:]) > 100 {
			found++
		}
	}
	if found != 200 {
		t.Errorf("the other has %d of 200 traces", found)
	}
}

func TestWhatNobodyTakesIsKeptUntilOneDoes(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	exporter := started(t, config(a, b))
	a.kill()
	b.kill()
	done := make(chan error)
	go func() { done <- exporter.ConsumeTraces(context.Background(), batch(0, 100)) }()
	select {
	case err := <-done:
		t.Fatalf("given up: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	b.start()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(b.traces()) != 100 {
		t.Errorf("%d of 100 traces arrived", len(b.traces()))
	}
}

func TestWhatIsWrongWithTheSpansIsNotSentForEver(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	wrong := func() error { return status.Error(codes.InvalidArgument, "no") }
	a.answers(wrong)
	b.answers(wrong)
	err := started(t, config(a, b)).ConsumeTraces(context.Background(), batch(0, 10))
	if !consumererror.IsPermanent(err) {
		t.Errorf("%v is not permanent", err)
	}
}

func TestASplitBatchHasItsResourcesAndScopes(t *testing.T) {
	two := config()
	two.Endpoints = []string{"one:1", "two:1"}
	receivers := newSpreader(two, component.TelemetrySettings{Logger: exportertest.NewNopSettings(Type).Logger}).receivers
	spans := 0
	for _, share := range split(batch(0, 50), receivers) {
		if share.ResourceSpans().Len() != 2 {
			t.Errorf("%d resources, want 2", share.ResourceSpans().Len())
		}
		each(share, func(rs ptrace.ResourceSpans, ss ptrace.ScopeSpans, span ptrace.Span) {
			spans++
			service, _ := rs.Resource().Attributes().Get("service.name")
			if span.Name() != "of "+service.Str() || ss.Scope().Name() != "scope of "+service.Str() {
				t.Errorf("%q is in %q, %q", span.Name(), service.Str(), ss.Scope().Name())
			}
		})
	}
	if spans != 100 {
		t.Errorf("%d spans, want 100", spans)
	}
}

func TestWhatWouldLoseSpansIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no endpoint":    func(c *Config) { c.Endpoints = nil },
		"one twice":      func(c *Config) { c.Endpoints = []string{"a:1", "a:1"} },
		"endpoint too":   func(c *Config) { c.Endpoint = "a:1" },
		"no timeout":     func(c *Config) { c.Timeout = 0 },
		"no patience":    func(c *Config) { c.Patience = time.Millisecond },
		"no memory":      func(c *Config) { c.Remember, c.RememberBytes = time.Second, 0 },
		"no retry":       func(c *Config) { c.Retry.Enabled = false },
		"retry that end": func(c *Config) { c.Retry.MaxElapsedTime = time.Minute },
	} {
		given := config()
		given.Endpoints = []string{"a:1", "b:1"}
		if err := given.Validate(); err != nil {
			t.Fatal(err)
		}
		if change(given); given.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
