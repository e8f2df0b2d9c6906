variable "account_name" {
  type        = string
  description = "Name of the storage account to make, unlike any other in the world; null where storage_account_id names one that is there."
  default     = null
  nullable    = true

  validation {
    condition     = var.account_name == null || can(regex("^[a-z0-9]{3,24}$", var.account_name))
    error_message = "A storage account's name has 3 to 24 lower-case letters and digits."
  }
}

variable "storage_account_id" {
  type        = string
  description = "Id of an account of yours, which gets only containers and roles. It should have no hierarchical namespace and take no keys: a key is above all roles."
  default     = null
  nullable    = true

  validation {
    condition     = (var.storage_account_id == null) != (var.account_name == null)
    error_message = "Name either a storage account to make (account_name) or one that is there (storage_account_id)."
  }

  validation {
    condition = var.storage_account_id == null || can(regex(
      "^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Storage/storageAccounts/[a-z0-9]{3,24}$", var.storage_account_id
    ))
    error_message = "The id of a storage account is /subscriptions/…/resourceGroups/…/providers/Microsoft.Storage/storageAccounts/NAME."
  }
}

variable "resource_group_name" {
  type        = string
  description = "Resource group of the account that is made."
  default     = null
  nullable    = true

  validation {
    condition     = (var.resource_group_name == null) == (var.account_name == null)
    error_message = "An account that is made (account_name) needs resource_group_name; one that is there has its own."
  }
}

variable "location" {
  type        = string
  description = "Region of the account that is made, as westeurope: the one in which the jobs run, since traffic between regions is slow and paid for."
  default     = null
  nullable    = true

  validation {
    condition     = (var.location == null) == (var.account_name == null)
    error_message = "An account that is made (account_name) needs a location; one that is there has its own."
  }
}

variable "replication_type" {
  type        = string
  description = "Where copies are kept: ZRS in three zones, LRS in one, which is cheaper; GRS and GZRS also in a second region, which lags: a failover loses the last saves."
  default     = "ZRS"
  nullable    = false

  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "GZRS"], var.replication_type)
    error_message = "The replication type is LRS, ZRS, GRS or GZRS. Quiver never reads a second region, so the RA- types would be paid for in vain."
  }
}

variable "versioning" {
  type        = bool
  description = "Keep what was replaced or deleted, until a rule of yours removes it. Off: each save makes a mark that a fold deletes, and each would be kept and paid for."
  default     = false
  nullable    = false
}

variable "soft_delete_days" {
  type        = number
  description = "Days for which what was replaced or deleted can be restored. None, since each save makes a mark that a fold deletes: each would be paid for so long."
  default     = 0
  nullable    = false

  validation {
    condition     = var.soft_delete_days >= 0 && var.soft_delete_days <= 365 && floor(var.soft_delete_days) == var.soft_delete_days
    error_message = "Soft delete lasts 1 to 365 whole days; 0 turns it off."
  }
}

variable "kms_key" {
  type = object({
    key_vault_key_id          = string
    user_assigned_identity_id = string
  })
  description = "Key of your own in a Key Vault, and the identity that may use it (role Key Vault Crypto Service Encryption User); null for a key of Microsoft's."
  default     = null
  nullable    = true

  validation {
    condition     = var.kms_key == null || can(regex("^https://[^/]+/keys/[^/]+(/[0-9a-f]+)?$", var.kms_key.key_vault_key_id))
    error_message = "The id of a key is https://VAULT.vault.azure.net/keys/NAME, with or without a version."
  }

  validation {
    condition     = var.kms_key == null || can(regex("/providers/Microsoft.ManagedIdentity/userAssignedIdentities/[^/]+$", var.kms_key.user_assigned_identity_id))
    error_message = "The identity is a user-assigned one, by its resource id: /subscriptions/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME."
  }

  validation {
    condition     = var.kms_key == null || var.account_name != null
    error_message = "The key of an account that is there (storage_account_id) is its owner's to set."
  }
}

variable "infrastructure_encryption" {
  type        = bool
  description = "Encrypt a second time, below the account's encryption. Changed later, it makes the account anew, and empty."
  default     = false
  nullable    = false
}

variable "network_rules" {
  type = object({
    ip_rules   = optional(list(string), [])
    subnet_ids = optional(list(string), [])
  })
  description = "Public addresses and subnets that alone reach the account, beside private endpoints of yours; null for no such limit."
  default     = null
  nullable    = true

  validation {
    condition     = var.network_rules == null || var.account_name != null
    error_message = "The network rules of an account that is there (storage_account_id) are its owner's to set."
  }
}

variable "access_logs" {
  type = object({
    log_analytics_workspace_id = string
  })
  description = "Log Analytics workspace that gets a line for each request to the account's blobs; null for none."
  default     = null
  nullable    = true

  validation {
    condition     = var.access_logs == null || can(regex("/providers/Microsoft.OperationalInsights/workspaces/[^/]+$", var.access_logs.log_analytics_workspace_id))
    error_message = "Name the workspace by its resource id: /subscriptions/…/providers/Microsoft.OperationalInsights/workspaces/NAME."
  }
}

variable "name" {
  type        = string
  description = "What the names of containers and role definitions begin with. Change it where the module is used twice on one account."
  default     = "quiver"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,11}$", var.name))
    error_message = "The name has 1 to 12 lower-case letters and digits, and begins with a letter."
  }
}

variable "trust_domains" {
  type = map(object({
    prefixes = optional(list(string), [""])
    readers  = optional(list(string), [])
    writers  = optional(list(string), [])
    janitors = optional(list(string), [])
  }))
  description = "Trust domains by name: prefixes whose writers trust each other, in a container of their own (\"\" is all of it), and the object ids of who gets each role."
  default     = { main = {} }
  nullable    = false

  validation {
    condition = length(var.trust_domains) > 0 && alltrue([for domain in keys(var.trust_domains) :
      can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", domain)) && length(domain) <= 32
    ])
    error_message = "Name at least one trust domain, by 1 to 32 lower-case letters, digits and single hyphens: the name becomes a part of its container's."
  }

  validation {
    condition     = alltrue([for given in values(var.trust_domains) : length(given.prefixes) > 0 && length(distinct(given.prefixes)) == length(given.prefixes)])
    error_message = "A trust domain has at least one prefix, and none twice; \"\" is the whole container."
  }

  validation {
    condition = alltrue(flatten([for given in values(var.trust_domains) : [for prefix in given.prefixes :
      prefix == "" || can(regex("^([a-z0-9._-]*[a-z0-9_-]/)*[a-z0-9._-]*[a-z0-9_-]$", prefix))
    ]]))
    error_message = "A prefix has lower-case letters, digits, dots, hyphens and underscores, in parts with a slash between them that do not end with a dot: \"team/project\"."
  }

  validation {
    condition = alltrue(flatten([for given in values(var.trust_domains) : [for principals in [given.readers, given.writers, given.janitors] :
      length(distinct(principals)) == length(principals)
    ]]))
    error_message = "Name no principal twice in one role of a domain: Azure refuses the second assignment."
  }

  validation {
    condition = alltrue(flatten([for given in values(var.trust_domains) : [for id in concat(given.readers, given.writers, given.janitors) :
      can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ]]))
    error_message = "Name principals by their object id, a UUID: of a managed identity its principal_id, not its client_id."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of the account."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[^<>%&\\\\?/]{1,128}$", key)) && length(value) <= 256])
    error_message = "A storage account's tag has a key of 1 to 128 characters, none of them <, >, %, &, \\, ? or /, and a value of at most 256."
  }
}
