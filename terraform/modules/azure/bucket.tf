locals {
  account_id = var.account_name == null ? var.storage_account_id : azurerm_storage_account.this[0].id
  account    = coalesce(var.account_name, element(split("/", local.account_id), 8))
  group_id   = regex("^/subscriptions/[^/]+/resourceGroups/[^/]+", local.account_id) # above which custom roles cannot be made less
}

resource "azurerm_storage_account" "this" {
  count = var.account_name == null ? 0 : 1

  name                     = var.account_name
  resource_group_name      = var.resource_group_name
  location                 = var.location
  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = var.replication_type
  is_hns_enabled           = false # its conditions of requests are others
  tags                     = var.tags

  https_traffic_only_enabled = true
  min_tls_version            = "TLS1_2"

  # Identities alone: whoever has a key is above all roles, and nobody knows who that is.
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false

  infrastructure_encryption_enabled = var.infrastructure_encryption

  # There is no management policy: only gc may remove values, calls and what is in the index. Azure itself drops the blocks of an upload
  # that was not finished, a week after the last of them.
  blob_properties {
    versioning_enabled       = var.versioning
    change_feed_enabled      = false
    last_access_time_enabled = false

    dynamic "delete_retention_policy" {
      for_each = var.soft_delete_days > 0 ? [var.soft_delete_days] : []
      content {
        days = delete_retention_policy.value
      }
    }
  }

  # Here and not in a resource of its own, so that no blob is ever written under another key.
  dynamic "customer_managed_key" {
    for_each = var.kms_key[*]
    content {
      key_vault_key_id          = customer_managed_key.value.key_vault_key_id
      user_assigned_identity_id = customer_managed_key.value.user_assigned_identity_id
    }
  }

  dynamic "identity" {
    for_each = var.kms_key[*]
    content {
      type         = "UserAssigned"
      identity_ids = [identity.value.user_assigned_identity_id]
    }
  }

  dynamic "network_rules" {
    for_each = var.network_rules[*]
    content {
      default_action             = "Deny"
      bypass                     = ["None"]
      ip_rules                   = network_rules.value.ip_rules
      virtual_network_subnet_ids = network_rules.value.subnet_ids
    }
  }
}

# One for each trust domain: what keeps two of them apart is the scope of assignments, and no condition that may be wrong.
resource "azurerm_storage_container" "this" {
  for_each = var.trust_domains

  name                  = "${var.name}-${each.key}"
  storage_account_id    = local.account_id
  container_access_type = "private"
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  count = var.access_logs == null ? 0 : 1

  name                       = var.name
  target_resource_id         = "${local.account_id}/blobServices/default"
  log_analytics_workspace_id = var.access_logs.log_analytics_workspace_id

  dynamic "enabled_log" {
    for_each = ["StorageRead", "StorageWrite", "StorageDelete"]
    content {
      category = enabled_log.value
    }
  }
}
