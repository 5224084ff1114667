package logfiles

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"go.opentelemetry.io/collector/component"
)

// Config is the receiver's part of the collector's configuration. Keys that
// filelog has too are called as there.
type Config struct {
	// Include are the files that are read: paths, or globs with *, ** and ?. What
	// rotation made of such a file is read on without being named.
	Include []string `mapstructure:"include"`

	// Exclude are paths or globs of files that are left alone.
	Exclude []string `mapstructure:"exclude"`

	// Resource is put on every record as attributes of its resource.
	Resource map[string]string `mapstructure:"resource"`

	// Storage is the extension that keeps how far each file was read.
	Storage *component.ID `mapstructure:"storage"`

	// PollInterval is how often files are looked at.
	PollInterval time.Duration `mapstructure:"poll_interval"`

	// ForceFlushPeriod is how long a line that is not ended is left alone.
	ForceFlushPeriod time.Duration `mapstructure:"force_flush_period"`

	// MaxLogSize is the most bytes of one record; a longer one becomes several.
	MaxLogSize int `mapstructure:"max_log_size"`

	// Multiline says how a record of several lines begins; without it, each line is one.
	Multiline *Multiline `mapstructure:"multiline"`
}

// Multiline says where one record ends and the next begins.
type Multiline struct {
	// LineStartPattern is found in the first line of a record, and in no other.
	LineStartPattern string `mapstructure:"line_start_pattern"`

	// MaxLines is the most lines of one record; a longer one becomes several.
	MaxLines int `mapstructure:"max_lines"`

	// MaxWait is how long a record waits for a further line.
	MaxWait time.Duration `mapstructure:"max_wait"`
}

const (
	defaultLines = 500
	defaultWait  = 5 * time.Second
	leastLogSize = 1 << 10
)

func createDefaultConfig() component.Config {
	return &Config{
		PollInterval:     200 * time.Millisecond,
		ForceFlushPeriod: 5 * time.Second,
		MaxLogSize:       256 << 10,
	}
}

// Validate reports every mistake at once.
func (c *Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Include) == 0 {
		refuse("`include` must name at least one file or glob")
	}
	for key, patterns := range map[string][]string{"include": c.Include, "exclude": c.Exclude} {
		for _, pattern := range patterns {
			if pattern == "" || !doublestar.ValidatePathPattern(pattern) {
				refuse("`%s` has %q: expected a path, or a glob with *, ** and ?", key, pattern)
			}
		}
	}
	if c.Storage == nil {
		refuse("`storage` must name a storage extension: without it, files would be read again after each start")
	}
	if c.PollInterval <= 0 || c.ForceFlushPeriod <= 0 {
		refuse("`poll_interval` and `force_flush_period` must be above 0")
	}
	if c.MaxLogSize < leastLogSize {
		refuse("`max_log_size` must be at least %d bytes", leastLogSize)
	}
	if m := c.Multiline; m != nil {
		if start, err := regexp.Compile(m.LineStartPattern); err != nil {
			refuse("`multiline.line_start_pattern` is no regular expression: %w", err)
		} else if start.MatchString("") {
			refuse("`multiline.line_start_pattern` matches the empty text, so that every line would begin a record")
		}
		if m.MaxLines < 0 || m.MaxWait < 0 {
			refuse("`multiline.max_lines` and `multiline.max_wait` must be above 0")
		}
	}
	return errors.Join(errs...)
}

// splitter cuts files as the configuration says.
func (c *Config) splitter() splitter {
	s := splitter{maxBytes: c.MaxLogSize}
	if c.Multiline != nil {
		s.start = regexp.MustCompile(c.Multiline.LineStartPattern)
		if s.maxLines = c.Multiline.MaxLines; s.maxLines == 0 {
			s.maxLines = defaultLines
		}
	}
	return s
}

// patience is how long what is not ended is left alone.
func (c *Config) patience() time.Duration {
	switch {
	case c.Multiline == nil:
		return c.ForceFlushPeriod
	case c.Multiline.MaxWait == 0:
		return defaultWait
	default:
		return c.Multiline.MaxWait
	}
}
