// Package halving makes of the OTLP exporter one that halves a batch of spans that
// the receiver refuses for its size, and sends both halves.
//
// Upstream takes such a refusal for a permanent error and drops the batch. A single
// span that is still too large is cut and marked. What is refused although it is
// small is not refused for its size, so it is sent again later, whole.
package halving

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/pdata/ptrace"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"observability-suite/otelcol/mend"
)

// small is a size that no receiver refuses for being one.
const small = 32 << 10

// Exporter wraps the OTLP exporter's way of traces; the others stay.
func Exporter(inner exporter.Factory) exporter.Factory {
	create := func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
		config := cfg.(*otlpexporter.Config)
		// Queue, retries and counters stand around the halving, so the one inside has none.
		plain := *config
		plain.QueueConfig.Enabled = false
		plain.RetryConfig.Enabled = false
		quiet := set
		quiet.MeterProvider = metricnoop.NewMeterProvider()
		quiet.TracerProvider = tracenoop.NewTracerProvider()
		sender, err := inner.CreateTraces(ctx, quiet, &plain)
		if err != nil {
			return nil, err
		}
		return exporterhelper.NewTraces(ctx, set, cfg, Traces(sender.ConsumeTraces, set.Logger),
			exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
			exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}),
			exporterhelper.WithRetry(config.RetryConfig),
			exporterhelper.WithQueue(config.QueueConfig),
			exporterhelper.WithStart(sender.Start),
			exporterhelper.WithShutdown(sender.Shutdown),
		)
	}
	return exporter.NewFactory(inner.Type(), inner.CreateDefaultConfig,
		exporter.WithTraces(create, inner.TracesStability()),
		exporter.WithMetrics(inner.CreateMetrics, inner.MetricsStability()),
		exporter.WithLogs(inner.CreateLogs, inner.LogsStability()))
}

// Traces is the same way of traces, halved where it refuses them for their size.
func Traces(send consumer.ConsumeTracesFunc, logger *zap.Logger) consumer.ConsumeTracesFunc {
	return (&halver{send: send, logger: logger}).push
}

type halver struct {
	send   consumer.ConsumeTracesFunc
	logger *zap.Logger
}

// push sends traces; where it fails, the error holds what was not delivered.
func (h *halver) push(ctx context.Context, traces ptrace.Traces) error {
	err := h.send(ctx, traces)
	if !refused(err) {
		return err
	}
	size, spans := (&ptrace.ProtoMarshaler{}).TracesSize(traces), traces.SpanCount()
	if size <= small || spans == 0 {
		// Too much at a time, perhaps, but not too large: a permanent error would drop it.
		return errors.New(err.Error())
	}
	h.logger.Warn("refused for its size; sent again in smaller parts",
		zap.Int("spans", spans), zap.Int("bytes", size), zap.Error(err))
	if spans == 1 {
		first(traces, func(span ptrace.Span) { mend.Span(span, max(size/2, small/2)) })
		if (&ptrace.ProtoMarshaler{}).TracesSize(traces) >= size {
			return err
		}
		return h.push(ctx, traces)
	}
	rest := ptrace.NewTraces()
	split(traces, rest, spans/2)
	return join(traces, h.push(ctx, traces), rest, h.push(ctx, rest))
}

// refused says whether the receiver will never take this as it is.
func refused(err error) bool {
	return err != nil && consumererror.IsPermanent(err) && status.Code(unwrapped(err)) == codes.ResourceExhausted
}

func unwrapped(err error) error {
	for next := err; next != nil; next = errors.Unwrap(next) {
		if _, ok := next.(interface{ GRPCStatus() *status.Status }); ok {
			return next
		}
	}
	return err
}

// join makes one error of two halves': only what failed and can be sent again is.
func join(one ptrace.Traces, first error, two ptrace.Traces, second error) error {
	switch {
	case first == nil && second == nil:
		return nil
	case consumererror.IsPermanent(first) && second == nil, consumererror.IsPermanent(second) && first == nil,
		consumererror.IsPermanent(first) && consumererror.IsPermanent(second):
		return consumererror.NewPermanent(errors.Join(first, second))
	}
	again := ptrace.NewTraces()
	var errs []error
	for _, half := range []struct {
		traces ptrace.Traces
		err    error
	}{{one, first}, {two, second}} {
		// A permanent one among them would keep all from being sent again.
		if half.err == nil || consumererror.IsPermanent(half.err) {
			continue
		}
		errs = append(errs, half.err)
		var failed consumererror.Traces
		if errors.As(half.err, &failed) {
			half.traces = failed.Data()
		}
		half.traces.ResourceSpans().MoveAndAppendTo(again.ResourceSpans())
	}
	return consumererror.NewTraces(errors.Join(errs...), again)
}

// split moves all but the first so many spans to `rest`, with their resources and scopes.
func split(from, rest ptrace.Traces, keep int) {
	for _, rs := range from.ResourceSpans().All() {
		to := rest.ResourceSpans().AppendEmpty()
		rs.Resource().CopyTo(to.Resource())
		to.SetSchemaUrl(rs.SchemaUrl())
		for _, ss := range rs.ScopeSpans().All() {
			toScope := to.ScopeSpans().AppendEmpty()
			ss.Scope().CopyTo(toScope.Scope())
			toScope.SetSchemaUrl(ss.SchemaUrl())
			ss.Spans().RemoveIf(func(span ptrace.Span) bool {
				if keep > 0 {
					keep--
					return false
				}
				span.MoveTo(toScope.Spans().AppendEmpty())
				return true
			})
		}
	}
	for _, traces := range []ptrace.Traces{from, rest} {
		traces.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
			rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool { return ss.Spans().Len() == 0 })
			return rs.ScopeSpans().Len() == 0
		})
	}
}

func first(traces ptrace.Traces, do func(ptrace.Span)) {
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				do(span)
				return
			}
		}
	}
}
