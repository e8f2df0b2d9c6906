# What the module makes where its caller says no more than it must.
mock_provider "azurerm" {
  mock_resource "azurerm_storage_account" {
    defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acme" }
  }
}

variables {
  account_name        = "acme"
  resource_group_name = "g"
  location            = "westeurope"
}

run "an_account_that_only_identities_reach_over_tls" {
  command = apply

  assert {
    condition     = azurerm_storage_account.this[0].name == "acme" && azurerm_storage_account.this[0].resource_group_name == "g" && azurerm_storage_account.this[0].location == "westeurope"
    error_message = "The account is where its caller says."
  }

  assert {
    condition     = azurerm_storage_account.this[0].https_traffic_only_enabled && azurerm_storage_account.this[0].min_tls_version == "TLS1_2"
    error_message = "Requests go over TLS alone, 1.2 or later."
  }

  assert {
    condition     = azurerm_storage_account.this[0].shared_access_key_enabled == false && azurerm_storage_account.this[0].default_to_oauth_authentication
    error_message = "Nobody gets in with a key of the account."
  }

  assert {
    condition     = azurerm_storage_account.this[0].local_user_enabled == false && azurerm_storage_account.this[0].cross_tenant_replication_enabled == false
    error_message = "There are no local users, and nothing is replicated to other tenants."
  }

  assert {
    condition     = azurerm_storage_account.this[0].allow_nested_items_to_be_public == false && azurerm_storage_container.this["main"].container_access_type == "private"
    error_message = "Nothing is public."
  }

  assert {
    condition     = azurerm_storage_account.this[0].account_kind == "StorageV2" && azurerm_storage_account.this[0].account_tier == "Standard" && azurerm_storage_account.this[0].is_hns_enabled == false
    error_message = "The account is one of flat block blobs."
  }

  assert {
    condition     = azurerm_storage_account.this[0].account_replication_type == "ZRS"
    error_message = "What was saved outlives a zone."
  }

  assert {
    condition     = length(azurerm_storage_account.this[0].blob_properties) == 1 && azurerm_storage_account.this[0].blob_properties[0].versioning_enabled == false
    error_message = "Versioning is off, and said to be: marks are short-lived."
  }

  assert {
    condition = alltrue([for kept in ["delete_retention_policy", "container_delete_retention_policy", "restore_policy"] :
      length(azurerm_storage_account.this[0].blob_properties[0][kept]) == 0
    ])
    error_message = "Soft delete is off, and so is what rests on it."
  }

  assert {
    condition     = azurerm_storage_account.this[0].blob_properties[0].change_feed_enabled == false && azurerm_storage_account.this[0].blob_properties[0].last_access_time_enabled == false
    error_message = "Nothing is written down of each change and each read."
  }

  assert {
    condition     = length(azurerm_storage_account.this[0].customer_managed_key) == 0 && length(azurerm_storage_account.this[0].identity) == 0
    error_message = "The key is Microsoft's."
  }

  assert {
    condition     = azurerm_storage_account.this[0].infrastructure_encryption_enabled == false && length(azurerm_storage_account.this[0].network_rules) == 0
    error_message = "What costs or shuts out is the caller's to ask for."
  }

  assert {
    condition     = length(azurerm_storage_account.this[0].tags) == 0 && length(azurerm_monitor_diagnostic_setting.this) == 0
    error_message = "There are neither tags nor logs."
  }

  assert {
    condition     = keys(azurerm_storage_container.this) == ["main"] && azurerm_storage_container.this["main"].name == "quiver-main" && length(azurerm_role_assignment.this) == 0
    error_message = "There is one container, and nobody has a role on it."
  }

  assert {
    condition     = azurerm_storage_container.this["main"].storage_account_id == azurerm_storage_account.this[0].id
    error_message = "The container is in the account."
  }

  assert {
    condition     = output.quiver_store == "azblob://quiver-main?storage_account=acme" && jsonencode(output.quiver_stores) == jsonencode({ main = { "" = output.quiver_store } })
    error_message = "The store's URL is what quiver takes."
  }

  assert {
    condition     = output.account == "acme" && output.storage_account_id == azurerm_storage_account.this[0].id && jsonencode(output.containers) == jsonencode({ main = "quiver-main" })
    error_message = "The outputs name what was made."
  }
}
