package logrecord

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	_ "time/tzdata" // zones by name, wherever it runs
)

// Config is plain data: what each source's lines look like, and the schema.
type Config struct {
	// IDAttribute is the record attribute that identifies a record for good.
	IDAttribute string `mapstructure:"id_attribute"`
	// Sources are known by the resource attribute `log.source`. Records of none are
	// taken as parsed already.
	Sources map[string]Source `mapstructure:"sources"`
	// Fields are the types of the schema's fields.
	Fields map[string]string `mapstructure:"fields"`
	// Labels fill what a record does not say; Enrichment stands on every record.
	Labels     map[string]string `mapstructure:"labels"`
	Enrichment map[string]string `mapstructure:"enrichment"`
	// Sampling is the share that is kept, by level. Levels that are not named are kept.
	Sampling map[string]float64 `mapstructure:"sampling"`
	// Window is how far from now a record's own time may lie.
	Window Window `mapstructure:"window"`
}

// Source is files whose lines are understood in one way.
type Source struct {
	Format  string `mapstructure:"format"`
	Pattern string `mapstructure:"pattern"`
	// Timezone is that of times without one.
	Timezone string `mapstructure:"timezone"`
}

// Window is a stretch of time around now.
type Window struct {
	Past   time.Duration `mapstructure:"past"`
	Future time.Duration `mapstructure:"future"`
}

var types = map[string]bool{keyword: true, fulltxt: true, long: true, double: true, boolTyp: true, date_: true, ip: true}

// Validate reports every mistake at once.
func (c *Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.IDAttribute == "" {
		refuse("`id_attribute` must name the attribute that identifies a record")
	}
	for name, source := range c.Sources {
		if _, err := time.LoadLocation(source.Timezone); err != nil {
			refuse("`sources.%s.timezone`: %w", name, err)
		}
		switch source.Format {
		case "json", "text":
		case "regex":
			if pattern, err := regexp.Compile(source.Pattern); err != nil {
				refuse("`sources.%s.pattern`: %w", name, err)
			} else if pattern.NumSubexp() == 0 {
				refuse("`sources.%s.pattern` has no group, so it would find no field", name)
			}
		default:
			refuse("`sources.%s.format` is %q: expected json, regex or text", name, source.Format)
		}
	}
	for name, kind := range c.Fields {
		if !types[kind] || oddKey(name) {
			refuse("`fields.%s` is %q: expected keyword, text, long, double, boolean, date or ip", name, kind)
		}
	}
	for level, share := range c.Sampling {
		if share < 0 || share > 1 {
			refuse("`sampling.%s` is %v: expected a share from 0 to 1", level, share)
		}
	}
	if c.Window.Past <= 0 || c.Window.Future <= 0 {
		refuse("`window` must be a time back and a time ahead, both above 0")
	}
	return errors.Join(errs...)
}
