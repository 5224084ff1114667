package scrub

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func (s *scrubber) logs(_ context.Context, logs plog.Logs) (plog.Logs, error) {
	for _, rl := range logs.ResourceLogs().All() {
		s.attributes(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			s.scope(sl.Scope())
			for _, record := range sl.LogRecords().All() {
				s.field(record.SeverityText, record.SetSeverityText)
				s.field(record.EventName, record.SetEventName)
				s.value(record.Body(), "")
				s.attributes(record.Attributes())
			}
		}
	}
	return logs, nil
}

func (s *scrubber) traces(_ context.Context, traces ptrace.Traces) (ptrace.Traces, error) {
	for _, rs := range traces.ResourceSpans().All() {
		s.attributes(rs.Resource().Attributes())
		for _, ss := range rs.ScopeSpans().All() {
			s.scope(ss.Scope())
			for _, span := range ss.Spans().All() {
				s.span(span)
			}
		}
	}
	return traces, nil
}

func (s *scrubber) span(span ptrace.Span) {
	s.field(span.Name, span.SetName)
	s.field(span.Status().Message, span.Status().SetMessage)
	s.field(span.TraceState().AsRaw, span.TraceState().FromRaw)
	s.attributes(span.Attributes())
	for _, event := range span.Events().All() {
		s.field(event.Name, event.SetName)
		s.attributes(event.Attributes())
	}
	for _, link := range span.Links().All() {
		s.field(link.TraceState().AsRaw, link.TraceState().FromRaw)
		s.attributes(link.Attributes())
	}
}

func (s *scrubber) metrics(_ context.Context, metrics pmetric.Metrics) (pmetric.Metrics, error) {
	for _, rm := range metrics.ResourceMetrics().All() {
		s.attributes(rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			s.scope(sm.Scope())
			for _, metric := range sm.Metrics().All() {
				s.metric(metric)
			}
		}
	}
	return metrics, nil
}

// metric leaves the values alone: a sum that looks like a card is none.
func (s *scrubber) metric(metric pmetric.Metric) {
	s.field(metric.Name, metric.SetName)
	s.field(metric.Description, metric.SetDescription)
	s.field(metric.Unit, metric.SetUnit)
	s.attributes(metric.Metadata())
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		for _, point := range metric.Gauge().DataPoints().All() {
			s.point(point.Attributes(), point.Exemplars())
		}
	case pmetric.MetricTypeSum:
		for _, point := range metric.Sum().DataPoints().All() {
			s.point(point.Attributes(), point.Exemplars())
		}
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			s.point(point.Attributes(), point.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			s.point(point.Attributes(), point.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			s.attributes(point.Attributes())
		}
	case pmetric.MetricTypeEmpty:
	}
}

func (s *scrubber) point(attributes pcommon.Map, exemplars pmetric.ExemplarSlice) {
	s.attributes(attributes)
	for _, exemplar := range exemplars.All() {
		s.attributes(exemplar.FilteredAttributes())
	}
}

func (s *scrubber) scope(scope pcommon.InstrumentationScope) {
	s.field(scope.Name, scope.SetName)
	s.field(scope.Version, scope.SetVersion)
	s.attributes(scope.Attributes())
}

// field scrubs a text that is no attribute.
func (s *scrubber) field(get func() string, set func(string)) {
	if text, changed := s.text(get(), ""); changed {
		set(text)
	}
}
