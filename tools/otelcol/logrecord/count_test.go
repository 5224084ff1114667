package logrecord

import (
	"context"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestTheShareOfWhatIsNotUnderstoodCanBeTold counts all records, those that sampling drops too, and of them the odd ones.
func TestTheShareOfWhatIsNotUnderstoodCanBeTold(t *testing.T) {
	reader := metric.NewManualReader()
	set := componenttest.NewNopTelemetrySettings()
	set.MeterProvider = metric.NewMeterProvider(metric.WithReader(reader))
	config := testConfig()
	config.Sampling = map[string]float64{"debug": 0}
	r, err := newRecorder(config, set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.logs(context.Background(), lines("json", `{"level":"debug"}`, `{"level":"info"}`, `no JSON`)); err != nil {
		t.Fatal(err)
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, of := range all.ScopeMetrics {
		for _, one := range of.Metrics {
			for _, point := range one.Data.(metricdata.Sum[int64]).DataPoints {
				if service, ok := point.Attributes.Value("log_service"); ok && service.AsString() == "orders" {
					found[one.Name] += point.Value
				}
			}
		}
	}
	if found["otelcol_logrecord_records"] != 3 || found["otelcol_logrecord_problem_records"] != 1 {
		t.Errorf("got %v", found)
	}
}
