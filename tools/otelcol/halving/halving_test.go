package halving

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"observability-suite/otelcol/mend"
)

// receiver takes messages up to so many bytes, and fails otherwise as `fail` says.
type receiver struct {
	bytes int
	fail  func(call int) error
	calls int
	got   map[string]ptrace.Span
}

func (r *receiver) take(_ context.Context, traces ptrace.Traces) error {
	r.calls++
	if r.fail != nil {
		if err := r.fail(r.calls); err != nil {
			return err
		}
	}
	if size := (&ptrace.ProtoMarshaler{}).TracesSize(traces); size > r.bytes {
		return consumererror.NewPermanent(status.Errorf(codes.ResourceExhausted, "received message larger than max (%d vs. %d)", size, r.bytes))
	}
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				service, _ := rs.Resource().Attributes().Get("service.name")
				kept := ptrace.NewSpan()
				span.CopyTo(kept)
				r.got[service.Str()+" "+ss.Scope().Name()+" "+span.Name()] = kept
			}
		}
	}
	return nil
}

func batch(spans, bytes int) ptrace.Traces {
	traces := ptrace.NewTraces()
	for service := range 3 {
		rs := traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("s", service))
		for scope := range 2 {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.Scope().SetName(fmt.Sprint("scope", scope))
			for number := range spans {
				span := ss.Spans().AppendEmpty()
				span.SetName(fmt.Sprint("span", number))
				span.Attributes().PutStr("text", strings.Repeat("x", bytes))
			}
		}
	}
	return traces
}

func pushed(r *receiver, traces ptrace.Traces) error {
	r.got = map[string]ptrace.Span{}
	return (&halver{send: r.take, logger: zap.NewNop()}).push(context.Background(), traces)
}

func TestARefusedBatchIsHalvedUntilItIsTaken(t *testing.T) {
	r := &receiver{bytes: 100_000}
	if err := pushed(r, batch(150, 6_000)); err != nil {
		t.Fatal(err)
	}
	if len(r.got) != 900 {
		t.Errorf("%d spans arrived, want 900", len(r.got))
	}
	for name, span := range r.got {
		if span.Attributes().Len() != 1 {
			t.Fatalf("%s was changed: %v", name, span.Attributes().Len())
		}
	}
}

func TestASpanThatIsTooLargeIsCutAndMarked(t *testing.T) {
	r := &receiver{bytes: 100_000}
	traces := batch(2, 100)
	span := traces.ResourceSpans().At(1).ScopeSpans().At(1).Spans().At(1)
	span.Attributes().PutStr("text", strings.Repeat("x", 5_000_000))
	if err := pushed(r, traces); err != nil {
		t.Fatal(err)
	}
	if len(r.got) != 12 {
		t.Errorf("%d spans arrived, want 12", len(r.got))
	}
	for name, span := range r.got {
		_, marked := span.Attributes().Get(mend.MarkTruncated)
		if marked != (name == "s1 scope1 span1") {
			t.Errorf("%s is marked: %v", name, marked)
		}
	}
}

func TestWhatIsSmallIsNeverDroppedNorCut(t *testing.T) {
	r := &receiver{bytes: 0}
	err := pushed(r, batch(1, 100))
	if err == nil || consumererror.IsPermanent(err) || r.calls != 1 {
		t.Errorf("%d calls, %v", r.calls, err)
	}
}

func TestOtherErrorsStayWhatTheyAre(t *testing.T) {
	for _, want := range []error{errors.New("away"), consumererror.NewPermanent(status.Error(codes.InvalidArgument, "no"))} {
		r := &receiver{bytes: 1 << 30, fail: func(int) error { return want }}
		if err := pushed(r, batch(150, 6_000)); !errors.Is(err, want) || r.calls != 1 {
			t.Errorf("%d calls, %v instead of %v", r.calls, err, want)
		}
	}
}

func TestOnlyWhatFailedIsSentAgain(t *testing.T) {
	away := func(call int) error {
		if call == 5 {
			return errors.New("away for a moment")
		}
		return nil
	}
	r := &receiver{bytes: 1_000_000, fail: away}
	err := pushed(r, batch(150, 6_000))
	var failed consumererror.Traces
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	if sum := failed.Data().SpanCount() + len(r.got); sum != 900 || failed.Data().SpanCount() == 0 {
		t.Errorf("%d delivered, %d to be sent again", len(r.got), failed.Data().SpanCount())
	}
}
