// Package mend is a processor that makes spans fit for the store, which takes or
// loses them without a word to the client.
//
// Times outside a sane window (a board without a clock, an end before its start),
// ids of zeros, and spans too large for one message are mended, and what was done is
// written on the span: nothing vanishes, nothing is silently wrong.
package mend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("mend")

// Config says what the store takes.
type Config struct {
	// Past is how old a span may be: what is older is deleted as soon as it is stored.
	Past time.Duration `mapstructure:"past"`
	// Future is how far a clock may be ahead.
	Future time.Duration `mapstructure:"future"`
	// Bytes bounds a span, and half of it a resource.
	Bytes int `mapstructure:"bytes"`
	// Items bounds attributes, events and links of a span together.
	Items int `mapstructure:"items"`
	// Services are counted by name, all others as `other`.
	Services []string `mapstructure:"services"`
}

// Validate refuses bounds that no span is within.
func (c *Config) Validate() error {
	var errs []error
	if c.Past <= 0 || c.Future <= 0 {
		errs = append(errs, fmt.Errorf("past is %s and future %s: expected more than 0", c.Past, c.Future))
	}
	if c.Bytes < 16<<10 || c.Items < 100 {
		errs = append(errs, fmt.Errorf("bytes is %d and items %d: expected at least %d and 100", c.Bytes, c.Items, 16<<10))
	}
	return errors.Join(errs...)
}

// NewFactory makes the processor known to the collector.
func NewFactory() processor.Factory {
	defaults := func() component.Config {
		return &Config{Past: 7 * 24 * time.Hour, Future: 10 * time.Minute, Bytes: 512 << 10, Items: 5000}
	}
	create := func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
		made, err := newMender(cfg.(*Config), set.TelemetrySettings)
		if err != nil {
			return nil, err
		}
		mutates := processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})
		return processorhelper.NewTraces(ctx, set, cfg, next, made.traces, mutates)
	}
	return processor.NewFactory(Type, defaults, processor.WithTraces(create, component.StabilityLevelBeta))
}
