"""The two plugins that a Pulumi CLI built from source lacks; see docs/adr/0005-language-host.md."""
