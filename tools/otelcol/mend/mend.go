package mend

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	scope       = "observability-suite/otelcol/mend"
	serviceName = "service.name"

	// Unknown is the service of a client that does not say which it is.
	Unknown = "unknown_service"
	// MarkIDs says which ids a span came without.
	MarkIDs = "obs.ids_mended"

	badTime = "time"
	badID   = "id"
	badSize = "size"
)

type mender struct {
	config  *Config
	now     func() time.Time
	counter metric.Int64Counter
	labels  map[string]map[string]metric.MeasurementOption
}

func newMender(config *Config, set component.TelemetrySettings) (*mender, error) {
	counter, err := set.MeterProvider.Meter(scope).Int64Counter("otelcol_mend_spans",
		metric.WithDescription("Spans that the store would have refused or hidden as they came, and that were mended and marked."),
		metric.WithUnit("{spans}"))
	m := &mender{config: config, now: time.Now, counter: counter, labels: map[string]map[string]metric.MeasurementOption{}}
	for _, service := range append([]string{other}, config.Services...) {
		m.labels[service] = map[string]metric.MeasurementOption{}
		for _, reason := range []string{badTime, badID, badSize} {
			m.labels[service][reason] = metric.WithAttributeSet(attribute.NewSet(
				attribute.String("service", service),
				attribute.Bool("listed", service != other),
				attribute.String("reason", reason)))
		}
	}
	return m, err
}

const other = "other"

func (m *mender) traces(ctx context.Context, traces ptrace.Traces) (ptrace.Traces, error) {
	now := m.now()
	span := window{
		low:  pcommon.NewTimestampFromTime(now.Add(-m.config.Past)),
		now:  pcommon.NewTimestampFromTime(now),
		high: pcommon.NewTimestampFromTime(now.Add(m.config.Future)),
	}
	for _, rs := range traces.ResourceSpans().All() {
		service := named(rs.Resource().Attributes())
		counts := map[string]int64{}
		if cutMap(rs.Resource().Attributes(), m.config.Bytes/2) {
			rs.Resource().Attributes().PutBool(MarkTruncated, true)
			counts[badSize]++
		}
		numbersOf(rs.Resource().Attributes())
		counts[badTime] += span.mend(rs)
		for _, ss := range rs.ScopeSpans().All() {
			if cutMap(ss.Scope().Attributes(), m.config.Bytes/4) {
				counts[badSize]++
			}
			for _, span := range ss.Spans().All() {
				numbers(span)
				if ids(span) {
					counts[badID]++
				}
				if fit(span, m.config.Bytes, m.config.Items) {
					counts[badSize]++
				}
			}
		}
		labels, ok := m.labels[service]
		if !ok {
			labels = m.labels[other]
		}
		for reason, spans := range counts {
			if spans > 0 {
				m.counter.Add(ctx, spans, labels[reason])
			}
		}
	}
	return traces, nil
}

// named sees to it that the resource says whose spans these are, and says it too.
func named(resource pcommon.Map) string {
	if value, ok := resource.Get(serviceName); ok {
		text := value.AsString()
		if text != "" {
			if value.Type() != pcommon.ValueTypeStr {
				resource.PutStr(serviceName, text)
			}
			return text
		}
	}
	resource.PutStr(serviceName, Unknown)
	return Unknown
}

// ids gives ids to a span that lacks them: all such spans would be one trace, or one document.
func ids(span ptrace.Span) bool {
	what := ""
	if span.TraceID().IsEmpty() {
		var id [16]byte
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64()|1)
		span.SetTraceID(id)
		what = "trace_id "
	}
	if span.SpanID().IsEmpty() {
		var id [8]byte
		binary.NativeEndian.PutUint64(id[:], rand.Uint64()|1)
		span.SetSpanID(id)
		what += "span_id "
	} else if span.ParentSpanID() == span.SpanID() {
		span.SetParentSpanID(pcommon.SpanID{})
		what += "parent_span_id "
	}
	if what == "" {
		return false
	}
	span.Attributes().PutStr(MarkIDs, what[:len(what)-1])
	return true
}
