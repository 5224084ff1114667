// Package points is a processor between clients that push metrics and the page
// from which Prometheus scrapes them. It makes each data point into what that page
// can serve, and bounds, by service, how much there is of it.
//
// A scrape that brings too much, or a line that cannot be read, fails as a whole,
// and all that is pushed comes in one. So nothing that a client sends may reach
// the page unless it fits: forbidden labels, too many or too long ones, too many
// series, metrics whose type contradicts what another has under their name, and
// what the page has no form for. The client alone loses that, told by metric.
// Services that the configuration names have bounds of their own; all others share
// one, so that invented names take nothing from them.
package points

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
var Type = component.MustNewType("points")

// Config says what may reach the page.
type Config struct {
	// Services always have a place of their own.
	Services []string `mapstructure:"services"`
	// OtherServices is how many more may have a name.
	OtherServices int `mapstructure:"other_services"`
	// Samples bounds the lines on the page of one named service, and of all others
	// together.
	Samples int `mapstructure:"samples"`
	// Labels bounds the labels of a point.
	Labels int `mapstructure:"labels"`
	// Length bounds the bytes of a label's value and of a metric's name.
	Length int `mapstructure:"length"`
	// Forbidden are labels whose points are dropped.
	Forbidden []string `mapstructure:"forbidden"`
	// Expiry is after how long a series that is no longer sent gives up its place.
	Expiry time.Duration `mapstructure:"expiry"`
}

// Validate refuses bounds that let nothing through.
func (c *Config) Validate() error {
	var errs []error
	for name, value := range map[string]int{"samples": c.Samples, "labels": c.Labels, "length": c.Length} {
		if value < 1 {
			errs = append(errs, fmt.Errorf("%s is %d: expected 1 or more", name, value))
		}
	}
	if c.OtherServices < 0 {
		errs = append(errs, fmt.Errorf("other_services is %d: expected 0 or more", c.OtherServices))
	}
	if c.Expiry <= 0 {
		errs = append(errs, fmt.Errorf("expiry is %s: expected a time above 0", c.Expiry))
	}
	return errors.Join(errs...)
}

// NewFactory makes the processor known to the collector.
func NewFactory() processor.Factory {
	defaults := func() component.Config {
		return &Config{OtherServices: 50, Samples: 20_000, Labels: 40, Length: 512, Expiry: 6 * time.Minute}
	}
	create := func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
		made, err := newBounds(cfg.(*Config), set.TelemetrySettings, time.Now)
		if err != nil {
			return nil, err
		}
		mutates := processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})
		return processorhelper.NewMetrics(ctx, set, cfg, next, made.metrics, mutates)
	}
	return processor.NewFactory(Type, defaults, processor.WithMetrics(create, component.StabilityLevelBeta))
}
