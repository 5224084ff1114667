package logfiles

import "testing"

func TestAFileThatIsLeftAloneIsSoAfterItsRotationToo(t *testing.T) {
	for _, pattern := range []string{"*.log", "*"} {
		t.Run(pattern, func(t *testing.T) {
			h := newHost(t, pattern)
			h.config.Exclude = []string{h.path("audit.log")}
			h.write("audit.log", "not ours 1\n")
			h.write("cart.log", "ours 1\n")
			h.start().poll()
			h.rename("audit.log", "audit.log-20261125")
			h.rename("cart.log", "cart.log-20261125")
			h.write("audit.log", "not ours 2\n")
			h.write("audit-2026-11-25.log", "not ours 3\n")
			h.write("cart.log", "ours 2\n")
			h.poll()
			h.wants("ours 1", "ours 2")
		})
	}
}
