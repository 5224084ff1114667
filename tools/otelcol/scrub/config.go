package scrub

import (
	"errors"
	"fmt"
	"regexp"
)

// Config lists what is blotted out, in this order.
type Config struct {
	Patterns []Pattern `mapstructure:"patterns"`
	// IDs are keys whose values are left whole while they have the form of an id
	// (see isID), so that a pattern that fits by chance does not cut the thread
	// between records. Any other value of theirs is treated as all others are.
	IDs []string `mapstructure:"ids"`
}

// Checks that a pattern may ask for beside its expression.
const (
	// CheckLuhn wants the digits of a match to have a valid check digit.
	CheckLuhn = "luhn"
	// CheckCard wants those of a payment card: check digit, and issuer and length
	// that go together. Without an expression cards are found by themselves.
	CheckCard = "card"
)

// Pattern is a regular expression and what each match becomes, literally.
type Pattern struct {
	Name        string `mapstructure:"name"`
	Pattern     string `mapstructure:"pattern"`
	Check       string `mapstructure:"check"`
	Replacement string `mapstructure:"replacement"`
}

// Validate refuses patterns that do not compile or would match everywhere.
func (c *Config) Validate() error {
	var errs []error
	for i, pattern := range c.Patterns {
		if err := pattern.validate(); err != nil {
			errs = append(errs, fmt.Errorf("patterns[%d] (%s): %w", i, pattern.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (p Pattern) validate() error {
	switch p.Check {
	case "", CheckLuhn, CheckCard:
	default:
		return fmt.Errorf("check: expected %q or %q, got %q", CheckLuhn, CheckCard, p.Check)
	}
	if p.Pattern == "" && p.Check == CheckCard {
		return nil
	}
	compiled, err := regexp.Compile(p.Pattern)
	if err != nil {
		return err
	}
	if compiled.MatchString("") {
		return fmt.Errorf("%q matches empty text, so it would match everywhere", p.Pattern)
	}
	return nil
}
