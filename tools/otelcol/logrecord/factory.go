// Package logrecord is a processor that makes records in the schema of lines:
// identified, parsed, with time and level, fields in their types, enriched,
// sampled.
//
// The transform processor's language could do much of that, and did. It reads
// numbers as float64, cannot keep what it does not understand, knows few ways to
// write a time, and evaluates some ninety statements for each line.
package logrecord

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("logrecord")

// NewFactory makes the processor known to the collector.
func NewFactory() processor.Factory {
	return processor.NewFactory(Type, func() component.Config { return &Config{IDAttribute: "log.record.uid"} },
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			made, err := newRecorder(cfg.(*Config), set.TelemetrySettings)
			if err != nil {
				return nil, err
			}
			return processorhelper.NewLogs(ctx, set, cfg, next, made.logs,
				processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}))
		}, component.StabilityLevelBeta))
}
