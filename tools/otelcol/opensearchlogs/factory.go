// Package opensearchlogs writes log records to OpenSearch so that each is found
// there once, whatever stops in between.
//
// The collector's contributed exporter takes an unreachable store for a
// permanent error and drops, and sets no document id, so its retries double.
// Here every failure of the store is retried for good, a document's _id comes
// from the record, and documents are only ever created: a second attempt at the
// same record is answered "exists" and counts as success. A record that the
// store refuses because of its content is kept, as text, in an index of its own.
package opensearchlogs

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"observability-suite/otelcol/guard"
)

// Type is the exporter's name in a configuration.
var Type = component.MustNewType("opensearchlogs")

// NewFactory makes the exporter known to the collector.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(Type, createDefaultConfig,
		exporter.WithLogs(createLogs, component.StabilityLevelBeta))
}

func createLogs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	config := cfg.(*Config)
	sink, err := newSink(config, set)
	if err != nil {
		return nil, err
	}
	lane := func(set exporter.Settings, config *Config, push consumer.ConsumeLogsFunc) (exporter.Logs, error) {
		inner, err := exporterhelper.NewLogs(ctx, set, config, push,
			// The HTTP client has a timeout of its own.
			exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}),
			exporterhelper.WithRetry(config.Retry),
			exporterhelper.WithQueue(config.Queue),
			exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		)
		return guard.Exporter(inner, set.Logger), err
	}
	both, err := newLanes(config, set, sink.push, lane)
	if err != nil {
		return nil, err
	}
	return &identified{Logs: both, start: sink.start, attribute: config.IDAttribute}, nil
}
