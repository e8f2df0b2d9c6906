# What a caller may choose.
mock_provider "azurerm" {
  mock_resource "azurerm_storage_account" {
    defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acme" }
  }
}

run "all_that_can_be_asked_for" {
  command = apply

  variables {
    account_name        = "acme"
    resource_group_name = "g"
    location            = "westeurope"
    replication_type    = "GZRS"
    versioning          = true
    soft_delete_days    = 3
    kms_key = {
      key_vault_key_id          = "https://vault.vault.azure.net/keys/quiver"
      user_assigned_identity_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/key"
    }
    infrastructure_encryption = true
    network_rules             = { ip_rules = ["203.0.113.0/24"], subnet_ids = ["subnet"] }
    access_logs               = { log_analytics_workspace_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/logs" }
    name                      = "memory"
    tags                      = { team = "research" }
    trust_domains             = { main = { prefixes = ["project"] } }
  }

  assert {
    condition     = azurerm_storage_account.this[0].account_replication_type == "GZRS" && azurerm_storage_account.this[0].tags == tomap({ team = "research" })
    error_message = "The replication and the tags are the caller's."
  }

  assert {
    condition     = azurerm_storage_account.this[0].blob_properties[0].versioning_enabled && azurerm_storage_account.this[0].blob_properties[0].delete_retention_policy[*].days == tolist([3])
    error_message = "Versioning and soft delete are the caller's."
  }

  assert {
    condition = (
      azurerm_storage_account.this[0].customer_managed_key[*].key_vault_key_id == tolist([var.kms_key.key_vault_key_id]) &&
      azurerm_storage_account.this[0].customer_managed_key[*].user_assigned_identity_id == tolist([var.kms_key.user_assigned_identity_id]) &&
      azurerm_storage_account.this[0].identity[*].type == tolist(["UserAssigned"]) &&
      azurerm_storage_account.this[0].identity[*].identity_ids == tolist([toset([var.kms_key.user_assigned_identity_id])])
    )
    error_message = "The caller's key encrypts the account, which uses it as the caller's identity."
  }

  assert {
    condition     = azurerm_storage_account.this[0].infrastructure_encryption_enabled
    error_message = "The account is encrypted twice."
  }

  assert {
    condition = (
      azurerm_storage_account.this[0].network_rules[*].default_action == tolist(["Deny"]) &&
      azurerm_storage_account.this[0].network_rules[*].bypass == tolist([toset(["None"])]) &&
      azurerm_storage_account.this[0].network_rules[*].ip_rules == tolist([toset(["203.0.113.0/24"])]) &&
      azurerm_storage_account.this[0].network_rules[*].virtual_network_subnet_ids == tolist([toset(["subnet"])])
    )
    error_message = "Who is not named does not reach the account."
  }

  assert {
    condition = (
      azurerm_monitor_diagnostic_setting.this[0].target_resource_id == "${azurerm_storage_account.this[0].id}/blobServices/default" &&
      azurerm_monitor_diagnostic_setting.this[0].log_analytics_workspace_id == var.access_logs.log_analytics_workspace_id &&
      sort([for log in azurerm_monitor_diagnostic_setting.this[0].enabled_log : log.category]) == tolist(["StorageDelete", "StorageRead", "StorageWrite"])
    )
    error_message = "Each request to the account's blobs is logged."
  }

  assert {
    condition     = azurerm_storage_container.this["main"].name == "memory-main" && azurerm_role_definition.this["reader"].name == "memory reader (acme)"
    error_message = "Names begin as the caller says."
  }

  assert {
    condition     = output.quiver_store == "azblob://memory-main/project?storage_account=acme"
    error_message = "A store may have a prefix and be the only one."
  }
}

run "an_account_of_the_callers_own" {
  command = apply

  variables {
    storage_account_id = "/subscriptions/s/resourceGroups/platform/providers/Microsoft.Storage/storageAccounts/shared"
    access_logs        = { log_analytics_workspace_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/logs" }
  }

  assert {
    condition     = length(azurerm_storage_account.this) == 0 && azurerm_storage_container.this["main"].storage_account_id == var.storage_account_id
    error_message = "No account is made, and the container is in the caller's."
  }

  assert {
    condition     = azurerm_role_definition.this["writer"].name == "quiver writer (shared)" && azurerm_role_definition.this["writer"].scope == "/subscriptions/s/resourceGroups/platform"
    error_message = "Roles are those of the caller's account."
  }

  assert {
    condition     = azurerm_monitor_diagnostic_setting.this[0].target_resource_id == "${var.storage_account_id}/blobServices/default"
    error_message = "The logs are those of the caller's account."
  }

  assert {
    condition     = output.quiver_store == "azblob://quiver-main?storage_account=shared" && output.account == "shared" && output.storage_account_id == var.storage_account_id
    error_message = "The store is in the caller's account."
  }
}
