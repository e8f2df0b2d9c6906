# What the module refuses, and says why. A variable with several rules breaks one of them in each run.
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

run "values_that_azure_or_quiver_would_refuse_later" {
  command = plan

  variables {
    replication_type = "RAGRS"
    soft_delete_days = 366
    kms_key = {
      key_vault_key_id          = "quiver"
      user_assigned_identity_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/key"
    }
    access_logs   = { log_analytics_workspace_id = "logs" }
    name          = "a-b"
    tags          = { "a/b" = "c" }
    trust_domains = { two_words = {} }
  }

  expect_failures = [
    var.replication_type, var.soft_delete_days, var.kms_key, var.access_logs, var.name, var.tags, var.trust_domains,
  ]
}

run "an_account_to_make_without_its_place" {
  command = plan

  variables {
    resource_group_name = null
    location            = null
    soft_delete_days    = 1.5
    kms_key             = { key_vault_key_id = "https://vault.vault.azure.net/keys/quiver", user_assigned_identity_id = "key" }
    trust_domains       = {}
  }

  expect_failures = [var.resource_group_name, var.location, var.soft_delete_days, var.kms_key, var.trust_domains]
}

run "two_accounts" {
  command = plan

  variables {
    storage_account_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/shared"
    soft_delete_days   = -1
    trust_domains      = { main = { prefixes = [] } }
  }

  expect_failures = [var.storage_account_id, var.soft_delete_days, var.trust_domains]
}

run "no_account" {
  command = plan

  variables {
    account_name        = null
    resource_group_name = null
    location            = null
    storage_account_id  = null
    trust_domains       = { main = { prefixes = ["a", "a"] } }
  }

  expect_failures = [var.storage_account_id, var.trust_domains]
}

run "settings_for_an_account_that_is_there" {
  command = plan

  variables {
    account_name       = null
    storage_account_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/shared"
    kms_key = {
      key_vault_key_id          = "https://vault.vault.azure.net/keys/quiver"
      user_assigned_identity_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/key"
    }
    network_rules = {}
    trust_domains = { main = { prefixes = ["/a"] } }
  }

  expect_failures = [var.resource_group_name, var.location, var.kms_key, var.network_rules, var.trust_domains]
}

run "an_account_by_its_name" {
  command = plan

  variables {
    account_name        = null
    resource_group_name = null
    location            = null
    storage_account_id  = "shared"
    trust_domains       = { main = { prefixes = ["a/Team"] } }
  }

  expect_failures = [var.storage_account_id, var.trust_domains]
}

run "names_that_end_or_begin_wrongly" {
  command = plan

  variables {
    account_name  = "Acme"
    trust_domains = { main = { prefixes = ["a./b"] } }
  }

  expect_failures = [var.account_name, var.trust_domains]
}

run "a_principal_twice_in_a_role" {
  command = plan

  variables {
    trust_domains = { main = { writers = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001"] } }
  }

  expect_failures = [var.trust_domains]
}

run "a_principal_by_its_name" {
  command = plan

  variables {
    trust_domains = { main = { janitors = ["ann@example.org"] } }
  }

  expect_failures = [var.trust_domains]
}
