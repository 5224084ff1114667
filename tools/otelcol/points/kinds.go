package points

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// point is a data point of any kind.
type point struct {
	attributes pcommon.Map
	// samples is how many lines it makes on the page; 0 where it is malformed.
	samples int
}

// kindOf is the type that the page gives the metric; "" where it has none: an
// exponential histogram, and what does not say over which time it counts.
func kindOf(metric pmetric.Metric) string {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		return "gauge"
	case pmetric.MetricTypeSum:
		sum := metric.Sum()
		switch {
		case sum.AggregationTemporality() == pmetric.AggregationTemporalityUnspecified:
			return ""
		case sum.IsMonotonic():
			return "counter"
		}
		return "gauge"
	case pmetric.MetricTypeHistogram:
		if metric.Histogram().AggregationTemporality() != pmetric.AggregationTemporalityUnspecified {
			return "histogram"
		}
	case pmetric.MetricTypeSummary:
		return "summary"
	}
	return ""
}

// pointsOf returns what keeps those points of a metric for which `keep` is true,
// and says whether any are left; nil where the metric has no points.
func pointsOf(metric pmetric.Metric) func(keep func(point) bool) bool {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		return numbers(metric.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		return numbers(metric.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		points := metric.Histogram().DataPoints()
		return func(keep func(point) bool) bool {
			points.RemoveIf(func(p pmetric.HistogramDataPoint) bool {
				plainExemplars(p.Exemplars())
				return !keep(point{p.Attributes(), buckets(p)})
			})
			return points.Len() > 0
		}
	case pmetric.MetricTypeSummary:
		points := metric.Summary().DataPoints()
		return func(keep func(point) bool) bool {
			points.RemoveIf(func(p pmetric.SummaryDataPoint) bool {
				return !keep(point{p.Attributes(), p.QuantileValues().Len() + 2})
			})
			return points.Len() > 0
		}
	}
	return nil
}

func numbers(points pmetric.NumberDataPointSlice) func(keep func(point) bool) bool {
	return func(keep func(point) bool) bool {
		points.RemoveIf(func(p pmetric.NumberDataPoint) bool {
			plainExemplars(p.Exemplars())
			return !keep(point{p.Attributes(), 1})
		})
		return points.Len() > 0
	}
}

// buckets is how many lines a histogram makes; 0 where its bounds do not rise, or
// do not fit its counts: reading on would end the collector.
func buckets(p pmetric.HistogramDataPoint) int {
	bounds, counts := p.ExplicitBounds(), p.BucketCounts()
	if bounds.Len() == 0 && counts.Len() <= 1 {
		return 3
	}
	if counts.Len() != bounds.Len()+1 {
		return 0
	}
	for i := range bounds.Len() {
		if i > 0 && !(bounds.At(i) > bounds.At(i-1)) || bounds.At(i) != bounds.At(i) {
			return 0
		}
	}
	return bounds.Len() + 3
}

// plainExemplars leaves them what the page shows: a trace.
func plainExemplars(exemplars pmetric.ExemplarSlice) {
	exemplars.RemoveIf(func(e pmetric.Exemplar) bool {
		e.FilteredAttributes().Clear()
		return e.TraceID().IsEmpty()
	})
}
