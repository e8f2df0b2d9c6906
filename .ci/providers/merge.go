// Command merge adds resources to the schema of a provider: merge SCHEMA ADDITIONS. SCHEMA is what terraform providers schema -json prints of one
// provider, and is rewritten; ADDITIONS are schemas by the names of their resources. A resource that SCHEMA has already fails: its additions are of no use.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: merge SCHEMA ADDITIONS")
		os.Exit(2)
	}
	if err := merge(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func merge(schema, additions string) error {
	var document map[string]any
	var more map[string]json.RawMessage
	if err := read(schema, &document); err != nil {
		return err
	}
	if err := read(additions, &more); err != nil {
		return err
	}
	providers, _ := document["provider_schemas"].(map[string]any)
	if len(providers) != 1 {
		return fmt.Errorf("%s has %d providers, not one: it is no schema as the stand-ins have it", schema, len(providers))
	}
	for _, provider := range providers {
		resources, ok := provider.(map[string]any)["resource_schemas"].(map[string]any)
		if !ok {
			return fmt.Errorf("%s has no resource_schemas: it is no schema as the stand-ins have it", schema)
		}
		for name, resource := range more {
			if _, known := resources[name]; known {
				return fmt.Errorf("%s is known to %s: take it out of %s", name, schema, additions)
			}
			resources[name] = resource
		}
	}
	merged, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return os.WriteFile(schema, merged, 0o644)
}

func read(file string, into any) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
