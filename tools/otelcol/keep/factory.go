// Package keep is a processor that keeps whole traces: the slow, the failed, the
// marked, and a share of the rest.
//
// The contributed tail sampler judges a trace a fixed time after its first span and
// never again, so that it drops the very traces whose root takes longest, and it
// forgets at a restart what it holds. Here a trace is kept as soon as one of its
// spans says so, from which moment its spans pass at once; only a trace that nothing
// speaks for yet is held, until its root has come and the wait is over. One that was
// dropped and then turns out to be wanted is kept from then on, marked and counted.
package keep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("keep")

// Config says which traces are kept, and how long and how many are held until that is known.
type Config struct {
	// Wait is how long after its first span a trace is held, at least.
	Wait time.Duration `mapstructure:"wait"`
	// RootWait is how long a trace is held whose root has not come.
	RootWait time.Duration `mapstructure:"root_wait"`
	// Traces bounds how many are held, and of how many the decision is remembered.
	Traces int `mapstructure:"traces"`
	// Bytes bounds what is held.
	Bytes int `mapstructure:"bytes"`

	// Slow is the duration from which a trace is kept.
	Slow time.Duration `mapstructure:"slow"`
	// Errors keeps traces with a failed span.
	Errors bool `mapstructure:"errors"`
	// Marks keep traces with such an attribute on a span or resource.
	Marks []Mark `mapstructure:"marks"`
	// Ratio is the share that is kept of all others.
	Ratio float64 `mapstructure:"ratio"`
}

// Mark is an attribute, and its value: a text or true or false.
type Mark struct {
	Key   string `mapstructure:"key"`
	Value any    `mapstructure:"value"`
}

// Validate refuses what would keep or hold nothing, or everything by mistake.
func (c *Config) Validate() error {
	var errs []error
	if c.Wait <= 0 || c.RootWait < c.Wait {
		errs = append(errs, fmt.Errorf("wait is %s and root_wait %s: expected more than 0, and the second not below the first", c.Wait, c.RootWait))
	}
	if c.Slow <= 0 || c.Slow >= c.RootWait {
		errs = append(errs, fmt.Errorf("slow is %s: expected more than 0 and less than root_wait", c.Slow))
	}
	if c.Traces < 1 || c.Bytes < 1 {
		errs = append(errs, fmt.Errorf("traces is %d and bytes %d: expected 1 or more", c.Traces, c.Bytes))
	}
	if c.Ratio < 0 || c.Ratio > 1 {
		errs = append(errs, fmt.Errorf("ratio is %v: expected 0 to 1", c.Ratio))
	}
	for i, mark := range c.Marks {
		switch mark.Value.(type) {
		case string, bool:
		default:
			errs = append(errs, fmt.Errorf("marks[%d].value is %v: expected a text, true or false", i, mark.Value))
		}
	}
	return errors.Join(errs...)
}

// NewFactory makes the processor known to the collector.
func NewFactory() processor.Factory {
	defaults := func() component.Config {
		return &Config{
			Wait: 10 * time.Second, RootWait: time.Minute, Traces: 50_000, Bytes: 128 << 20,
			Slow: 500 * time.Millisecond, Errors: true,
		}
	}
	create := func(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
		return newKeeper(cfg.(*Config), set.TelemetrySettings, next)
	}
	return processor.NewFactory(Type, defaults, processor.WithTraces(create, component.StabilityLevelBeta))
}
