package keep

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

type world struct {
	*testing.T
	*keeper
	*componenttest.Telemetry
	sink *consumertest.TracesSink
	at   time.Time
}

func begin(t *testing.T, change func(*Config)) *world {
	t.Helper()
	config := NewFactory().CreateDefaultConfig().(*Config)
	config.Marks = []Mark{{"obs.probe", true}, {"tier", "gold"}}
	change(config)
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	telemetry := componenttest.NewTelemetry()
	sink := &consumertest.TracesSink{}
	made, err := newKeeper(config, telemetry.NewTelemetrySettings(), sink)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t, made, telemetry, sink, time.Now()}
	made.now = func() time.Time { return w.at }
	return w
}

type change func(ptrace.Span)

func child(span ptrace.Span)  { span.SetParentSpanID([8]byte{9}) }
func failed(span ptrace.Span) { span.Status().SetCode(ptrace.StatusCodeError) }
func lasting(d time.Duration) change {
	return func(span ptrace.Span) { span.SetEndTimestamp(span.StartTimestamp() + pcommon.Timestamp(d)) }
}
func starting(after time.Duration) change {
	return func(span ptrace.Span) {
		span.SetStartTimestamp(span.StartTimestamp() + pcommon.Timestamp(after))
		span.SetEndTimestamp(span.EndTimestamp() + pcommon.Timestamp(after))
	}
}

func (w *world) send(trace byte, name string, changes ...change) {
	w.Helper()
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "orders")
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID([16]byte{trace})
	span.SetName(name)
	start := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(10 * time.Millisecond)))
	for _, next := range changes {
		next(span)
	}
	if err := w.ConsumeTraces(context.Background(), traces); err != nil {
		w.Fatal(err)
	}
}

func (w *world) pass(d time.Duration) {
	w.at = w.at.Add(d)
	w.judge(w.at)
}

// got tells what was passed on: name of a span -> whether it is marked late.
func (w *world) got() map[string]bool {
	found := map[string]bool{}
	for _, traces := range w.sink.AllTraces() {
		for _, rs := range traces.ResourceSpans().All() {
			if name, _ := rs.Resource().Attributes().Get("service.name"); name.Str() != "orders" {
				w.Error("the resource is gone")
			}
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					_, late := span.Attributes().Get(MarkLate)
					found[span.Name()] = late
				}
			}
		}
	}
	return found
}

func (w *world) wants(want map[string]bool) {
	w.Helper()
	if got := w.got(); !maps.Equal(got, want) {
		w.Errorf("got %v, want %v", got, want)
	}
}

func (w *world) counted(name string) int64 {
	made, err := w.GetMetric("otelcol_keep_" + name + "_traces")
	if err != nil {
		return 0
	}
	return made.Data.(metricdata.Sum[int64]).DataPoints[0].Value
}

func TestWhatSpeaksForATraceKeepsAllOfIt(t *testing.T) {
	for name, speaking := range map[string]change{
		"failed": failed, "slow": lasting(500 * time.Millisecond), "slow together": starting(499 * time.Millisecond),
		"marked": func(span ptrace.Span) { span.Attributes().PutBool("obs.probe", true) },
		"text":   func(span ptrace.Span) { span.Attributes().PutStr("tier", "gold") },
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, func(*Config) {})
			w.send(1, "before", child)
			w.wants(map[string]bool{})
			w.send(1, "speaks", child, speaking)
			w.wants(map[string]bool{"before": false, "speaks": false})
			w.pass(time.Hour)
			w.send(1, "after")
			w.wants(map[string]bool{"before": false, "speaks": false, "after": false})
		})
	}
}

func TestWhatDoesNotSpeakIsDroppedAfterTheWait(t *testing.T) {
	w := begin(t, func(*Config) {})
	w.send(1, "root", lasting(499*time.Millisecond))
	w.send(1, "child", child, func(span ptrace.Span) { span.Attributes().PutBool("obs.probe", false) })
	w.pass(time.Hour)
	w.send(1, "late", child)
	w.wants(map[string]bool{})
	if w.counted("dropped") != 1 || len(w.waiting) != 0 || w.bytes != 0 {
		t.Errorf("dropped %d, %d held with %d bytes", w.counted("dropped"), len(w.waiting), w.bytes)
	}
}

func TestATraceWaitsForItsRootHoweverSlowThatIs(t *testing.T) {
	w := begin(t, func(config *Config) { config.Wait, config.Slow = time.Second, 400*time.Millisecond })
	w.send(1, "child", child)
	for range 50 {
		w.pass(time.Second)
	}
	w.send(1, "root", lasting(50*time.Second))
	w.wants(map[string]bool{"child": false, "root": false})
}

func TestATraceWithoutRootIsGivenUp(t *testing.T) {
	w := begin(t, func(*Config) {})
	w.send(1, "child", child)
	w.pass(time.Minute)
	if len(w.waiting) != 0 || w.counted("dropped") != 1 || w.counted("dropped_too_soon") != 0 {
		t.Errorf("%d held, %d dropped", len(w.waiting), w.counted("dropped"))
	}
}

func TestALateSpanThatSpeaksKeepsItsTraceFromThenOn(t *testing.T) {
	w := begin(t, func(*Config) {})
	w.send(1, "root")
	w.pass(time.Minute)
	w.send(1, "quiet", child)
	w.send(1, "speaks", child, failed)
	w.send(1, "after", child)
	w.wants(map[string]bool{"speaks": true, "after": false})
	w.send(2, "root 2")
	w.pass(time.Minute)
	w.send(2, "slow with what was dropped", child, starting(time.Second))
	w.wants(map[string]bool{"speaks": true, "after": false, "slow with what was dropped": true})
	if w.counted("kept_late") != 2 {
		t.Errorf("%d kept late", w.counted("kept_late"))
	}
}

func TestTooManyAreDroppedOldestFirstAndThoseWithoutRootBefore(t *testing.T) {
	for name, bound := range map[string]func(*Config){
		"traces": func(config *Config) { config.Traces = 3 },
		"bytes":  func(config *Config) { config.Bytes = 4_000 },
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, bound)
			w.send(1, "rootless", child)
			w.pass(20 * time.Second)
			for trace := byte(2); trace < 50; trace++ {
				w.send(trace, "root")
				if _, there := w.waiting[pcommon.TraceID{1}]; there && w.counted("dropped_too_soon") > 0 {
					t.Fatal("a younger trace had to go before one without root")
				}
			}
			if w.bytes > w.config.Bytes || len(w.waiting) > w.config.Traces || w.counted("dropped_too_soon") == 0 {
				t.Errorf("%d traces of %d bytes are held", len(w.waiting), w.bytes)
			}
			if _, there := w.waiting[pcommon.TraceID{49}]; !there {
				t.Error("the youngest is gone")
			}
		})
	}
}

func TestAResourceCountsForEachTraceThatHoldsIt(t *testing.T) {
	w := begin(t, func(config *Config) { config.Bytes = 1 << 20 })
	for trace := range byte(100) {
		traces := ptrace.NewTraces()
		rs := traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("process.command_args", strings.Repeat("x", 20_000))
		rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetTraceID([16]byte{trace + 1})
		if err := w.ConsumeTraces(context.Background(), traces); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.waiting) > (1<<20)/20_000 || w.counted("dropped_too_soon") == 0 {
		t.Errorf("%d traces with 20,000 bytes each are held, of at most %d bytes", len(w.waiting), w.config.Bytes)
	}
	w.pass(time.Hour)
	if w.bytes != 0 {
		t.Errorf("%d bytes are held of nothing", w.bytes)
	}
}

func TestAFullQueueIsNotToldToTheClientWhoWouldSendAgainWhatIsHeld(t *testing.T) {
	w := begin(t, func(*Config) {})
	w.next = consumertest.NewErr(errors.New("sending queue is full"))
	w.send(1, "held", child)
	w.send(1, "root", failed)
	w.next = w.sink
	w.send(1, "after", child)
	w.wants(map[string]bool{"after": false})
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"root_wait": func(config *Config) { config.RootWait = config.Wait - 1 },
		"slow is":   func(config *Config) { config.Slow = config.RootWait },
		"traces is": func(config *Config) { config.Traces = 0 },
		"ratio is":  func(config *Config) { config.Ratio = 1.1 },
		"marks[0]":  func(config *Config) { config.Marks = []Mark{{"k", 5}} },
	} {
		config := NewFactory().CreateDefaultConfig().(*Config)
		change(config)
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestTheShareIsKeptAtOnceWhateverMakesTheIDs(t *testing.T) {
	for name, id := range map[string]func(uint64) pcommon.TraceID{
		"random":   func(uint64) (id pcommon.TraceID) { binary.NativeEndian.PutUint64(id[8:], rand.Uint64()); return id },
		"counting": func(n uint64) (id pcommon.TraceID) { binary.BigEndian.PutUint64(id[8:], n); return id },
		"times":    func(n uint64) (id pcommon.TraceID) { binary.BigEndian.PutUint64(id[:8], n<<32); id[15] = 1; return id },
		"equal": func(n uint64) (id pcommon.TraceID) {
			binary.BigEndian.PutUint64(id[:8], n)
			copy(id[8:], id[:8])
			return id
		},
	} {
		config := &Config{Ratio: 0.2}
		kept := 0
		for n := range uint64(20_000) {
			if config.lucky(id(n + 1)) {
				kept++
			}
		}
		if kept < 3_700 || kept > 4_300 {
			t.Errorf("%s: %d of 20000 kept", name, kept)
		}
	}
	for ratio, want := range map[float64]bool{0: false, 1: true} {
		if got := (&Config{Ratio: ratio}).lucky([16]byte{1}); got != want {
			t.Errorf("ratio %v: %v", ratio, got)
		}
	}
}

func TestItJudgesByItselfAndStops(t *testing.T) {
	w := begin(t, func(config *Config) { config.Wait, config.Slow = 20*time.Millisecond, 10*time.Millisecond })
	w.keeper.now = time.Now
	if err := w.Start(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	w.send(1, "root", lasting(time.Millisecond))
	held := func() int { w.mu.Lock(); defer w.mu.Unlock(); return len(w.waiting) }
	for deadline := time.Now().Add(10 * time.Second); held() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was judged within 10 s")
		}
	}
	for range 2 {
		if err := w.keeper.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkConsume(b *testing.B) {
	config := NewFactory().CreateDefaultConfig().(*Config)
	config.Ratio = 0.1
	k, err := newKeeper(config, componenttest.NewNopTelemetrySettings(), consumertest.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		traces := ptrace.NewTraces()
		spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		for number := range 100 {
			span := spans.AppendEmpty()
			var id pcommon.TraceID
			binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
			for range 4 {
				span.SetTraceID(id)
			}
			span.SetSpanID([8]byte{byte(number)})
			span.SetStartTimestamp(1)
			span.SetEndTimestamp(2)
		}
		b.StartTimer()
		if err := k.ConsumeTraces(context.Background(), traces); err != nil {
			b.Fatal(err)
		}
	}
}
