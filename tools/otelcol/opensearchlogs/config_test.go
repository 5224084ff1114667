package opensearchlogs

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
)

func valid() *Config {
	config := createDefaultConfig().(*Config)
	config.Endpoint = "https://127.0.0.1:9200"
	config.Index.Prefix, config.RejectedIndex = "logs", "rejected"
	return config
}

func TestTheDefaultsAreSound(t *testing.T) {
	if err := componenttest.CheckConfigStruct(createDefaultConfig()); err != nil {
		t.Error(err)
	}
	if err := valid().Validate(); err != nil {
		t.Error(err)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"`endpoint` must be a URL":           func(c *Config) { c.Endpoint = "localhost:9200" },
		"`endpoint` must be a URL such":      func(c *Config) { c.FurtherEndpoints = []string{"localhost:9200"} },
		"`endpoint` must not hold a user":    func(c *Config) { c.Endpoint = "https://a:" + secret + "@h:1" },
		"`user` and `password`":              func(c *Config) { c.User = "shipper" },
		"`index.prefix` is \"Logs\"":         func(c *Config) { c.Index.Prefix = "Logs" },
		"`rejected_index` is \"\"":           func(c *Config) { c.RejectedIndex = "" },
		"`rejected_index` must differ":       func(c *Config) { c.RejectedIndex = "logs" },
		"`index.date_layout` is \"%Y\"":      func(c *Config) { c.Index.DateLayout = "%Y" },
		"`id_attribute` must name":           func(c *Config) { c.IDAttribute = "" },
		"`retry_on_failure` must be enabled": func(c *Config) { c.Retry.MaxElapsedTime = 1 },
		"`sending_queue.block_on_overflow`":  func(c *Config) { c.Queue.BlockOnOverflow = false },
	} {
		config := valid()
		change(config)
		err := config.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("the password is said in %q", err)
		}
	}
}

func TestItReadsItsKeys(t *testing.T) {
	config := createDefaultConfig().(*Config)
	err := confmap.NewFromStringMap(map[string]any{
		"endpoint": "http://127.0.0.1:1", "user": "u", "password": "p",
		"index": map[string]any{"prefix": "x"}, "rejected_index": "y",
		"sending_queue": map[string]any{"sizer": "bytes", "queue_size": 1 << 20,
			"batch": map[string]any{"sizer": "items", "min_size": 10, "max_size": 20, "flush_timeout": "1s"}},
	}).Unmarshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Validate(); err != nil {
		t.Error(err)
	}
	if config.Index.DateLayout != "2006.01.02" || !config.Queue.BlockOnOverflow || config.Queue.Batch.Get().MaxSize != 20 {
		t.Errorf("got %+v", config)
	}
}
