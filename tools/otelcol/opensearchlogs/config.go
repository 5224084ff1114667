package opensearchlogs

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// Config is the exporter's part of the collector's configuration.
//
// The HTTP client, the queue and the retries are the collector's own, so that
// their keys mean what they mean for every other exporter.
type Config struct {
	confighttp.ClientConfig `mapstructure:",squash"`

	Queue exporterhelper.QueueBatchConfig `mapstructure:"sending_queue"`
	Retry configretry.BackOffConfig       `mapstructure:"retry_on_failure"`

	// FurtherEndpoints are other nodes of the same store: the next is asked when
	// one does not answer, or answers that it cannot.
	FurtherEndpoints []string `mapstructure:"further_endpoints"`

	// User and Password are sent as basic authentication with every request.
	User     string              `mapstructure:"user"`
	Password configopaque.String `mapstructure:"password"`

	// Index is where records go.
	Index IndexConfig `mapstructure:"index"`

	// RejectedIndex is the prefix of the index that takes, as text, the records
	// that the store refuses because of their content. It is dated like Index.
	RejectedIndex string `mapstructure:"rejected_index"`

	// IDAttribute names the record attribute that identifies a record for good.
	// It becomes the document's _id and is not stored as a field. A record
	// without it gets a random one before it is queued, so that its retries do
	// not double it (only its sender could).
	IDAttribute string `mapstructure:"id_attribute"`

	// ResourceAttributes are copied into each document that lacks them.
	ResourceAttributes []string `mapstructure:"resource_attributes"`

	// ExcludeAttributes are record attributes that are not stored. A final *
	// stands for any ending.
	ExcludeAttributes []string `mapstructure:"exclude_attributes"`
}

// IndexConfig names one index per day: "<prefix>-<date in UTC>".
type IndexConfig struct {
	Prefix string `mapstructure:"prefix"`
	// DateLayout is written in Go's way: the reference date 2006-01-02.
	DateLayout string `mapstructure:"date_layout"`
}

var indexPrefix = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)

func createDefaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = 30 * time.Second
	queue := exporterhelper.NewDefaultQueueConfig()
	queue.BlockOnOverflow = true
	retry := configretry.NewDefaultBackOffConfig()
	retry.MaxElapsedTime = 0
	return &Config{
		ClientConfig:      client,
		Queue:             queue,
		Retry:             retry,
		Index:             IndexConfig{DateLayout: "2006.01.02"},
		IDAttribute:       "log.record.uid",
		ExcludeAttributes: []string{"log.file.*"},
	}
}

// Validate reports every mistake at once, and refuses what would lose records.
func (c *Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	for _, given := range append([]string{c.Endpoint}, c.FurtherEndpoints...) {
		endpoint, err := url.Parse(given)
		switch {
		case err != nil || endpoint.Host == "" || (endpoint.Scheme != "http" && endpoint.Scheme != "https"):
			refuse("`endpoint` must be a URL such as https://127.0.0.1:9200")
		case endpoint.User != nil:
			refuse("`endpoint` must not hold a user or password: use `user` and `password`")
		}
	}
	if (c.User == "") != (c.Password == "") {
		refuse("`user` and `password` belong together: give both or neither")
	}
	for key, prefix := range map[string]string{"index.prefix": c.Index.Prefix, "rejected_index": c.RejectedIndex} {
		if !indexPrefix.MatchString(prefix) {
			refuse("`%s` is %q: expected lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit", key, prefix)
		}
	}
	if c.Index.Prefix != "" && c.Index.Prefix == c.RejectedIndex {
		refuse("`rejected_index` must differ from `index.prefix`: a document refused by one must fit the other")
	}
	if day := time.Date(2021, 11, 23, 0, 0, 0, 0, time.UTC).Format(c.Index.DateLayout); day == c.Index.DateLayout || strings.ToLower(day) != day || strings.ContainsAny(day, ` "*\<|,>/?#:`) {
		refuse("`index.date_layout` is %q: expected a layout of the date 2006-01-02 that an index name may hold, such as 2006.01.02", c.Index.DateLayout)
	}
	if c.IDAttribute == "" {
		refuse("`id_attribute` must name the attribute that identifies a record")
	}
	if !c.Retry.Enabled || c.Retry.MaxElapsedTime != 0 {
		refuse("`retry_on_failure` must be enabled with max_elapsed_time 0: giving up would lose records")
	}
	if c.Queue.Enabled && !c.Queue.BlockOnOverflow {
		refuse("`sending_queue.block_on_overflow` must be true: a full queue would lose records")
	}
	return errors.Join(errs...)
}
