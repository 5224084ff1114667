package scrub

func benchScrubber() *scrubber {
	return newScrubber(&Config{
		Patterns: []Pattern{
			{Name: "card", Check: CheckCard, Replacement: "[card]"},
			{Name: "mail", Pattern: `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[a-z]{2,}`, Replacement: "[mail]"},
		},
		IDs: []string{"trace_id", "span_id", "transaction_id"},
	})
}
