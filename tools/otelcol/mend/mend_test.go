package mend

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func stamp(at time.Time) pcommon.Timestamp { return pcommon.NewTimestampFromTime(at) }

func mended(t *testing.T, given ptrace.Traces) ptrace.Traces {
	t.Helper()
	config := NewFactory().CreateDefaultConfig().(*Config)
	m, err := newMender(config, componenttest.NewNopTelemetrySettings())
	if err != nil {
		t.Fatal(err)
	}
	m.now = func() time.Time { return now }
	got, err := m.traces(context.Background(), given)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// spans makes spans of one sender, each changed by a function.
func spans(change ...func(ptrace.Span)) (ptrace.Traces, ptrace.SpanSlice) {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr(serviceName, "orders")
	list := rs.ScopeSpans().AppendEmpty().Spans()
	for number, next := range change {
		span := list.AppendEmpty()
		span.SetTraceID([16]byte{1})
		span.SetSpanID([8]byte{byte(number + 1)})
		span.SetStartTimestamp(stamp(now.Add(-time.Second)))
		span.SetEndTimestamp(stamp(now))
		next(span)
	}
	return traces, list
}

func times(start, end pcommon.Timestamp) func(ptrace.Span) {
	return func(span ptrace.Span) { span.SetStartTimestamp(start); span.SetEndTimestamp(end) }
}

func TestASaneSpanStaysAsItIs(t *testing.T) {
	for _, ago := range []time.Duration{0, time.Second, 6 * 24 * time.Hour, -9 * time.Minute} {
		given, list := spans(times(stamp(now.Add(-ago)), stamp(now.Add(-ago))))
		mended(t, given)
		if list.At(0).Attributes().Len() != 0 || list.At(0).StartTimestamp() != stamp(now.Add(-ago)) {
			t.Errorf("%s ago became %v", ago, list.At(0).Attributes().AsRaw())
		}
	}
}

func TestOddTimesComeIntoTheWindowAndAreKeptBeside(t *testing.T) {
	sane, old := stamp(now.Add(-time.Second)), stamp(time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC))
	far := stamp(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, given := range [][2]pcommon.Timestamp{
		{sane, sane - 1}, {sane, 0}, {0, sane}, {0, 0}, {5, 7}, {old, old}, {old, far}, {far, old}, {far, far},
		{math.MaxUint64, math.MaxUint64}, {0, math.MaxUint64}, {math.MaxUint64, 0}, {math.MaxInt64, math.MaxInt64 + 9},
		{sane, far}, {far, sane}, {old, sane}, {sane, old}, {1, 0},
	} {
		traces, list := spans(times(given[0], given[1]))
		mended(t, traces)
		span := list.At(0)
		start, end := span.StartTimestamp(), span.EndTimestamp()
		if start > end || start < stamp(now.Add(-7*24*time.Hour)) || end > stamp(now.Add(10*time.Minute)) {
			t.Errorf("%v became %v to %v", given, start, end)
		}
		raw := span.Attributes().AsRaw()
		if raw[MarkTime] != true || raw[MarkStart] != fmt.Sprint(uint64(given[0])) || raw[MarkEnd] != fmt.Sprint(uint64(given[1])) {
			t.Errorf("%v is marked %v", given, raw)
		}
	}
}

func TestSpansOfAWrongClockKeepTheirOrder(t *testing.T) {
	boot := pcommon.Timestamp(10 * time.Second)
	traces, list := spans(times(boot, boot+4e9), times(boot+1e9, boot+2e9), func(ptrace.Span) {}, times(boot+3e9, boot+3e9+5))
	list.At(1).Events().AppendEmpty().SetTimestamp(boot + 15e8)
	mended(t, traces)
	parent, child := list.At(0), list.At(1)
	if parent.EndTimestamp() != stamp(now) || parent.EndTimestamp()-parent.StartTimestamp() != 4e9 {
		t.Errorf("the parent is %v to %v", parent.StartTimestamp(), parent.EndTimestamp())
	}
	if child.StartTimestamp()-parent.StartTimestamp() != 1e9 || child.EndTimestamp()-child.StartTimestamp() != 1e9 {
		t.Errorf("the child is %v to %v", child.StartTimestamp(), child.EndTimestamp())
	}
	if got := child.Events().At(0).Timestamp() - child.StartTimestamp(); got != 5e8 {
		t.Errorf("the event is %v after the start", got)
	}
	if list.At(2).Attributes().Len() != 0 {
		t.Error("a sane span beside them was changed")
	}
}

func TestMissingIDsAreMadeAndOneIsNoParentOfItself(t *testing.T) {
	traces, list := spans(
		func(span ptrace.Span) { span.SetTraceID(pcommon.TraceID{}); span.SetSpanID(pcommon.SpanID{}) },
		func(span ptrace.Span) { span.SetTraceID(pcommon.TraceID{}) },
		func(span ptrace.Span) { span.SetParentSpanID(span.SpanID()) },
		func(span ptrace.Span) { span.SetParentSpanID([8]byte{9}) },
	)
	mended(t, traces)
	seen := map[pcommon.TraceID]bool{}
	for number, want := range []any{"trace_id span_id", "trace_id", "parent_span_id", nil} {
		span := list.At(number)
		if got := span.Attributes().AsRaw()[MarkIDs]; got != want {
			t.Errorf("span %d is marked %v, want %v", number, got, want)
		}
		if span.TraceID().IsEmpty() || span.SpanID().IsEmpty() || span.SpanID() == span.ParentSpanID() {
			t.Errorf("span %d has ids %s %s %s", number, span.TraceID(), span.SpanID(), span.ParentSpanID())
		}
		seen[span.TraceID()] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d traces, want 3", len(seen))
	}
}

func TestWhatIsTooLargeIsCutAndMarkedAndTheRestStays(t *testing.T) {
	huge := strings.Repeat("ü", 3<<20)
	for name, grow := range map[string]func(ptrace.Span){
		"one attribute": func(span ptrace.Span) { span.Attributes().PutStr("db.statement", huge) },
		"bytes":         func(span ptrace.Span) { span.Attributes().PutEmptyBytes("raw").FromRaw([]byte(huge)) },
		"a nested one": func(span ptrace.Span) {
			span.Attributes().PutEmptyMap("a").PutEmptySlice("b").AppendEmpty().SetStr(huge)
		},
		"name":        func(span ptrace.Span) { span.SetName(huge) },
		"status":      func(span ptrace.Span) { span.Status().SetMessage(huge) },
		"trace state": func(span ptrace.Span) { span.TraceState().FromRaw(huge) },
		"a key":       func(span ptrace.Span) { span.Attributes().PutStr(huge, "x") },
		"an event": func(span ptrace.Span) {
			span.Events().AppendEmpty().Attributes().PutStr("exception.stacktrace", huge)
		},
		"many events": func(span ptrace.Span) {
			for range 20_000 {
				event := span.Events().AppendEmpty()
				event.SetName("x")
				event.Attributes().PutStr("text", strings.Repeat("y", 100))
			}
		},
		"many attributes": func(span ptrace.Span) {
			many(span.Attributes(), 20_000, 100)
		},
		"many links": func(span ptrace.Span) {
			for range 100_000 {
				span.Links().AppendEmpty().SetTraceID([16]byte{1})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			traces, list := spans(func(span ptrace.Span) { span.Attributes().PutStr("first", "stays"); grow(span) })
			mended(t, traces)
			span := list.At(0)
			if size := measure.SpanSize(span); size > 512<<10 {
				t.Errorf("the span has %d bytes", size)
			}
			raw := span.Attributes().AsRaw()
			if name != "many attributes" && raw["first"] != "stays" || raw[MarkTruncated] != true {
				t.Errorf("marked %v, first %v", raw[MarkTruncated], raw["first"])
			}
			if span.Events().Len()+span.Links().Len()+span.Attributes().Len() > 5001 {
				t.Error("too many things are left")
			}
		})
	}
}

// many adds attributes without asking for each whether it is there.
func many(attributes pcommon.Map, count, length int) {
	raw := attributes.AsRaw()
	for number := range count {
		raw[fmt.Sprint("key.", number)] = strings.Repeat("y", length)
	}
	_ = attributes.FromRaw(raw)
}

func TestALargeResourceIsCutAndKeepsItsName(t *testing.T) {
	for _, count := range []int{1, 100_000} {
		traces, _ := spans(func(ptrace.Span) {})
		resource := traces.ResourceSpans().At(0).Resource().Attributes()
		many(resource, count, (4<<20)/count)
		mended(t, traces)
		if size := weight(resource); size > 257<<10 {
			t.Errorf("the resource has %d bytes", size)
		}
		if name, _ := resource.Get(serviceName); name.Str() != "orders" || resource.AsRaw()[MarkTruncated] != true {
			t.Errorf("name %q, marked %v", name.Str(), resource.AsRaw()[MarkTruncated])
		}
	}
}

func TestWhoeverSendsHasAName(t *testing.T) {
	for _, given := range []any{nil, "", int64(7), map[string]any{"a": "b"}} {
		traces, _ := spans(func(ptrace.Span) {})
		resource := traces.ResourceSpans().At(0).Resource().Attributes()
		_ = resource.PutEmpty(serviceName).FromRaw(given)
		mended(t, traces)
		if name, _ := resource.Get(serviceName); name.Type() != pcommon.ValueTypeStr || name.Str() == "" {
			t.Errorf("%v became %v", given, name.AsRaw())
		}
	}
}

func TestWhatIsNoNumberInJSONBecomesText(t *testing.T) {
	traces, list := spans(func(span ptrace.Span) {
		span.Attributes().PutDouble("nan", math.NaN())
		span.Attributes().PutEmptySlice("list").AppendEmpty().SetDouble(math.Inf(1))
		span.Attributes().PutDouble("half", 0.5)
		span.Events().AppendEmpty().Attributes().PutEmptyMap("map").PutDouble("inf", math.Inf(-1))
	})
	mended(t, traces)
	want := map[string]any{"nan": "NaN", "list": []any{"Infinity"}, "half": 0.5}
	if got := list.At(0).Attributes().AsRaw(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v", got)
	}
	if got := list.At(0).Events().At(0).Attributes().AsRaw(); fmt.Sprint(got) != "map[map:map[inf:-Infinity]]" {
		t.Errorf("got %v", got)
	}
}

func BenchmarkTraces(b *testing.B) {
	m, err := newMender(NewFactory().CreateDefaultConfig().(*Config), componenttest.NewNopTelemetrySettings())
	if err != nil {
		b.Fatal(err)
	}
	m.now = func() time.Time { return now }
	change := make([]func(ptrace.Span), 100)
	for number := range change {
		change[number] = func(span ptrace.Span) {
			for key := range 10 {
				span.Attributes().PutStr(fmt.Sprint("key.", key), "some value")
			}
		}
	}
	given, _ := spans(change...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.traces(context.Background(), given); err != nil {
			b.Fatal(err)
		}
	}
}
