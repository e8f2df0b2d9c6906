package check_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestEachRuleOfModuleAzureIsHeldByItsTests(t *testing.T) {
	testMutations(t, "azure", []mutation{
		{"a wildcard for a right", "roles.tf", `reader  = ["read"]`, `reader  = ["*"]`},
		{"a writer who may not read, so not list", "roles.tf", `writer  = ["read", "write", "add/action"]`, `writer  = ["write", "add/action"]`},
		{"a writer who may delete all", "roles.tf", `writer  = ["read", "write", "add/action"]`, `writer  = ["read", "write", "add/action", "delete"]`},
		{"a writer who may delete nothing", "roles.tf", `["writer", "doctor"]`, `["writer"]`},
		{"a writer who may delete all below a prefix", "roles.tf", `definition == "doctor" ? "quiver-doctor/" : ""`, `definition == "doctor" ? "" : ""`},
		{"a janitor who may not delete", "roles.tf", `janitor = ["read", "write", "add/action", "delete"]`, `janitor = ["read", "write", "add/action"]`},
		{"a role that manages containers", "roles.tf", `actions          = []`, `actions          = ["Microsoft.Storage/storageAccounts/blobServices/containers/write"]`},
		{"a role for the whole subscription", "roles.tf", `assignable_scopes = [local.group_id]`, `assignable_scopes = [split("/resourceGroups/", local.group_id)[0]]`},
		{"rights on the whole account", "roles.tf", `azurerm_storage_container.this[domain].id`, `local.account_id`},
		{"a prefix without its slash", "roles.tf", `"${prefix}/"}$`, `prefix}$`},
		{"a dropped prefix", "roles.tf", `for prefix in given.prefixes : "`, `for prefix in slice(given.prefixes, 0, 1) : "`},
		{"prefixes that no condition holds", "roles.tf", `condition          = local.conditions[domain][definition]`, `condition          = null`},
		{"listings of everything", "roles.tf", `join(" OR ", [for beginning in beginnings : "@Request[${local.blobs}:prefix] StringStartsWith '${beginning}'"])`, `"true"`},
		{"blobs of any name", "roles.tf", `@Resource[${local.blobs}:path] StringStartsWith`, `@Resource[${local.blobs}:path] StringNotEquals`},
		{"a listing that is judged as a blob", "roles.tf", ` AND NOT SubOperationMatches{'Blob.List'}`, ``},
		{"plain HTTP", "bucket.tf", `https_traffic_only_enabled = true`, `https_traffic_only_enabled = false`},
		{"old TLS", "bucket.tf", `"TLS1_2"`, `"TLS1_0"`},
		{"keys of the account", "bucket.tf", `shared_access_key_enabled        = false`, `shared_access_key_enabled        = true`},
		{"public blobs", "bucket.tf", `allow_nested_items_to_be_public  = false`, `allow_nested_items_to_be_public  = true`},
		{"a public container", "bucket.tf", `"private"`, `"blob"`},
		{"a versioned account", "variables.tf", "and each would be kept and paid for.\"\n  default     = false", "and each would be kept and paid for.\"\n  default     = true"},
		{"soft delete", "variables.tf", "each would be paid for so long.\"\n  default     = 0", "each would be paid for so long.\"\n  default     = 7"},
		{"soft delete of containers", "bucket.tf", "    change_feed_enabled ", "    container_delete_retention_policy {\n      days = 7\n    }\n    change_feed_enabled "},
		{"a key that is not used", "bucket.tf", `dynamic "customer_managed_key" {
    for_each = var.kms_key[*]`, `dynamic "customer_managed_key" {
    for_each = []`},
		{"network rules that let all in", "bucket.tf", `"Deny"`, `"Allow"`},
		{"deletes that are not logged", "bucket.tf", `["StorageRead", "StorageWrite", "StorageDelete"]`, `["StorageRead", "StorageWrite"]`},
		{"outputs of another role than is assigned", "outputs.tf", `local.grants.reader`, `local.grants.janitor`},
		{"a URL without its prefix", "outputs.tf", `prefix == "" ? "" : "/${prefix}"`, `""`},
		{"two accounts at once", "variables.tf", `(var.storage_account_id == null) != (var.account_name == null)`, `var.storage_account_id != null || var.account_name != null`},
	})
}

func TestEachRuleOfModuleAzureHousekeepingIsHeldByItsTests(t *testing.T) {
	testMutations(t, "azure/housekeeping", []mutation{
		{"gc that asks", "jobs.tf", `["gc", "--yes"]`, `["gc"]`},
		{"gc that evicts whatever it was told", "jobs.tf", `var.max_age == null ? []`, `var.max_age == null ? ["--max-age", "1d"]`},
		{"gc at the times of fold", "jobs.tf", `schedule = var.gc_schedule`, `schedule = var.fold_schedule`},
		{"several at once", "jobs.tf", `parallelism              = 1`, `parallelism              = 2`},
		{"no store", "jobs.tf", `value = var.quiver_store`, `value = ""`},
		{"whatever identity Azure takes", "jobs.tf", `value = var.identity.client_id`, `value = ""`},
		{"no folder for temporary files", "jobs.tf", `path = "/tmp"`, `path = "/data"`},
		{"an image that is pulled without signing in", "jobs.tf", `for_each = var.registry_server[*]`, `for_each = []`},
		{"a store of another cloud", "variables.tf", `^azblob://`, `^[a-z0-9]+://`},
	})
}

// What the module's tests cannot see is what it makes besides, as a rule that deletes blobs (azurerm_storage_management_policy).
func TestModuleAzureMakesNothingThatItsTestsDoNotLookAt(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(modules, "azure", "*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range regexp.MustCompile(`(?m)^resource "(\w+)"`).FindAllSubmatch(content, -1) {
			made = append(made, string(resource[1]))
		}
	}
	slices.Sort(made)
	looked := []string{
		"azurerm_monitor_diagnostic_setting", "azurerm_role_assignment", "azurerm_role_definition", "azurerm_storage_account", "azurerm_storage_container",
	}
	if !slices.Equal(made, looked) {
		t.Errorf("the module makes %q, and its tests look at %q: let them look at what is new, too", made, looked)
	}
}
