package bound

import (
	"context"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"observability-suite/otelcol/plain"
)

const (
	scope       = "observability-suite/otelcol/bound"
	serviceName = "service.name"
	spanName    = "span.name"

	// Other is what values become that are one too many.
	Other = "other"
	// Unknown is the service of a client that does not say which it is.
	Unknown = "unknown_service"

	tooLong    = "length"
	tooMany    = "values"
	tooDiverse = "series"
)

// bounds keeps what each service has been seen with.
type bounds struct {
	config  *Config
	counter metric.Int64Counter
	labels  []string

	mu       sync.Mutex
	services map[string]*service
	// unnamed is how many services beside the configured ones have a place.
	unnamed int
	// pool is how many series those and Other have together.
	pool int
	told map[event]metric.MeasurementOption
}

// service is what one service has been seen with.
type service struct {
	name   string
	named  bool
	values []map[string]struct{}
	series map[string]struct{}
}

// event is what happened to a span's label: what the counter is labelled with.
type event struct{ service, label, reason string }

func newBounds(config *Config, set component.TelemetrySettings) (*bounds, error) {
	counter, err := set.MeterProvider.Meter(scope).Int64Counter("otelcol_bound_spans",
		metric.WithDescription("Spans counted with less detail than they came with, since a service has too many, or too long, values of a label."),
		metric.WithUnit("{spans}"))
	b := &bounds{
		config:   config,
		counter:  counter,
		labels:   append([]string{spanName}, config.Dimensions...),
		services: map[string]*service{},
		told:     map[event]metric.MeasurementOption{},
	}
	for _, name := range config.Services {
		b.services[name] = b.newService(name, true)
	}
	return b, err
}

func (b *bounds) newService(name string, named bool) *service {
	s := &service{name: name, named: named, series: map[string]struct{}{}}
	for range b.labels {
		s.values = append(s.values, map[string]struct{}{})
	}
	return s
}

func (b *bounds) traces(ctx context.Context, traces ptrace.Traces) (ptrace.Traces, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, rs := range traces.ResourceSpans().All() {
		spans := 0
		for _, ss := range rs.ScopeSpans().All() {
			spans += ss.Spans().Len()
		}
		of := b.service(ctx, rs.Resource().Attributes(), int64(spans))
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				b.span(ctx, of, rs.Resource().Attributes(), span)
			}
		}
		// More would become labels of the page, `target_info` among them.
		rs.Resource().Attributes().RemoveIf(func(key string, _ pcommon.Value) bool { return key != serviceName })
	}
	return traces, nil
}

// service finds out whose spans these are, and writes its name as it is counted.
func (b *bounds) service(ctx context.Context, resource pcommon.Map, spans int64) *service {
	name, long := "", false
	if value, ok := resource.Get(serviceName); ok {
		name, long = b.text(value)
	}
	if strings.TrimSpace(name) == "" {
		name = Unknown
	}
	found, ok := b.services[name]
	if !ok {
		if b.unnamed >= b.config.OtherServices && name != Other {
			b.count(ctx, event{Other, serviceName, tooMany}, spans)
			name = Other
			found = b.services[name]
		} else if name != Other {
			b.unnamed++
		}
		if found == nil {
			found = b.newService(name, false)
			b.services[name] = found
		}
	}
	if long {
		b.count(ctx, event{name, serviceName, tooLong}, spans)
	}
	resource.PutStr(serviceName, name)
	return found
}

// span leaves those attributes alone on the span that become labels, as text within the bounds.
func (b *bounds) span(ctx context.Context, of *service, resource pcommon.Map, span ptrace.Span) {
	values := make([]string, len(b.labels))
	for i, label := range b.labels {
		value, long := b.text(find(span, resource, label))
		if long {
			b.count(ctx, event{of.name, label, tooLong}, 1)
		}
		if value != "" && value != Other {
			seen := of.values[i]
			if _, ok := seen[value]; !ok {
				if len(seen) >= b.config.Values {
					b.count(ctx, event{of.name, label, tooMany}, 1)
					value = Other
				} else if b.room(of) {
					seen[value] = struct{}{}
				}
			}
		}
		values[i] = value
	}
	if span.Kind() < ptrace.SpanKindUnspecified || span.Kind() > ptrace.SpanKindConsumer {
		span.SetKind(ptrace.SpanKindUnspecified)
	}
	if code := span.Status().Code(); code < ptrace.StatusCodeUnset || code > ptrace.StatusCodeError {
		span.Status().SetCode(ptrace.StatusCodeUnset)
	}
	key := strings.Join(values, "\x00") + string([]byte{0, byte(span.Kind()), byte(span.Status().Code())})
	if _, ok := of.series[key]; !ok {
		if b.room(of) {
			of.series[key] = struct{}{}
			if !of.named {
				b.pool++
			}
		} else {
			b.count(ctx, event{of.name, b.worst(of), tooDiverse}, 1)
			for i := range values {
				values[i] = Other
			}
		}
	}
	attributes := span.Attributes()
	attributes.Clear()
	span.SetName(values[0])
	for i, label := range b.config.Dimensions {
		// Empty ones too: the connector tells series apart by values alone, in their order.
		attributes.PutStr(label, values[i+1])
	}
}

// room says whether the service may have one more series.
func (b *bounds) room(of *service) bool {
	if of.named {
		return len(of.series) < b.config.Series
	}
	return b.pool < b.config.Series
}

// worst is the label with the most values: the one to look at.
func (b *bounds) worst(of *service) string {
	most := 0
	for i := range of.values {
		if len(of.values[i]) > len(of.values[most]) {
			most = i
		}
	}
	return b.labels[most]
}

// text is a value as a label, and whether it was too long for one.
func (b *bounds) text(value pcommon.Value) (string, bool) {
	text := plain.Text(value.AsString())
	if len(text) <= b.config.Length {
		return text, false
	}
	return plain.Cut(text, b.config.Length), true
}

func find(span ptrace.Span, resource pcommon.Map, label string) pcommon.Value {
	if label == spanName {
		return pcommon.NewValueStr(span.Name())
	}
	if value, ok := span.Attributes().Get(label); ok {
		return value
	}
	if value, ok := resource.Get(label); ok {
		return value
	}
	return pcommon.NewValueEmpty()
}

// asLabel is an attribute's name as Prometheus has it.
func asLabel(name string) string {
	return strings.Map(func(char rune) rune {
		if char < '0' || char > 'z' || char > '9' && char < 'A' || char > 'Z' && char < 'a' {
			return '_'
		}
		return char
	}, name)
}

func (b *bounds) count(ctx context.Context, what event, spans int64) {
	option, ok := b.told[what]
	if !ok {
		option = metric.WithAttributeSet(attribute.NewSet(
			attribute.String("service", what.service),
			attribute.Bool("listed", b.services[what.service] != nil && b.services[what.service].named),
			attribute.String("label", asLabel(what.label)),
			attribute.String("reason", what.reason)))
		b.told[what] = option
	}
	b.counter.Add(ctx, spans, option)
}
