package points

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"observability-suite/otelcol/plain"
)

var namer = otlptranslator.MetricNamer{WithMetricSuffixes: true}

// taken are names of labels that the page, the histogram or the scrape give
// themselves; a client's own gets `exported_` in front.
var taken = map[string]bool{
	"instance": true, "job": true, "le": true, "otel_scope_name": true, "otel_scope_schema_url": true,
	"otel_scope_version": true, "quantile": true, "service": true, "service_namespace": true,
}

// ownNames are metrics that Prometheus makes itself of each target.
func ownName(name string) bool {
	return name == "up" || name == "target_info" || strings.HasPrefix(name, "scrape_") || strings.HasPrefix(name, "ALERTS")
}

// metricName is the metric's name on the page, with unit and type in it; "" where there is none.
func metricName(metric pmetric.Metric, most int) (name string, cut bool) {
	var kind otlptranslator.MetricType = otlptranslator.MetricTypeGauge
	switch metric.Type() {
	case pmetric.MetricTypeSum:
		if kind = otlptranslator.MetricTypeNonMonotonicCounter; metric.Sum().IsMonotonic() {
			kind = otlptranslator.MetricTypeMonotonicCounter
		}
	case pmetric.MetricTypeHistogram:
		kind = otlptranslator.MetricTypeHistogram
	case pmetric.MetricTypeSummary:
		kind = otlptranslator.MetricTypeSummary
	}
	built, err := namer.Build(otlptranslator.Metric{Name: plain.Text(metric.Name()), Unit: metric.Unit(), Type: kind})
	if err != nil || strings.Trim(built, "_") == "" {
		return "", false
	}
	// Names with colons are those of recording rules.
	built = strings.ReplaceAll(built, ":", "_")
	if len(built) <= most {
		return built, false
	}
	mark := fmt.Sprintf("_%08x", digest(built))
	if kind == otlptranslator.MetricTypeMonotonicCounter {
		mark += "_total"
	}
	return built[:max(0, most-len(mark))] + mark, true
}

// labelName makes a label's name of an attribute's; "" where nothing is left of it.
func labelName(key string) string {
	var out strings.Builder
	for _, char := range key {
		if char > unicode.MaxASCII || char != '_' && !unicode.IsLetter(char) && !unicode.IsDigit(char) {
			char = '_'
		}
		out.WriteRune(char)
	}
	name := out.String()
	switch {
	case strings.Trim(name, "_") == "":
		return ""
	case name[0] >= '0' && name[0] <= '9':
		name = "key_" + name
	case strings.HasPrefix(name, "__"):
		name = "key_" + strings.TrimLeft(name, "_")
	}
	if taken[name] {
		name = "exported_" + name
	}
	return name
}

// labelValue is text of at most so many bytes. Two values that begin alike stay apart.
func labelValue(value pcommon.Value, most int) (text string, cut bool) {
	text = plain.Text(value.AsString())
	if len(text) <= most {
		return text, false
	}
	mark := fmt.Sprintf("~%08x", digest(text))
	if most <= len(mark) {
		return mark[:most], true
	}
	return plain.Cut(text, most-len(mark)) + mark, true
}

func digest(text string) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(text))
	return hash.Sum32()
}
