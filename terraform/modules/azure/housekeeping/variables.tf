variable "name" {
  type        = string
  description = "What the names of the two jobs begin with; -fold and -gc follow. One for each store of a resource group."
  default     = "quiver"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 27
    error_message = "The name has up to 27 lower-case letters, digits and single hyphens, and begins with a letter."
  }
}

variable "resource_group_name" {
  type        = string
  description = "Resource group of the jobs."
  nullable    = false

  validation {
    condition     = can(regex("^[-\\w.()]{0,89}[-\\w()]$", var.resource_group_name))
    error_message = "A resource group's name has 1 to 90 letters, digits, hyphens, underscores, parentheses and dots, and no dot at its end."
  }
}

variable "location" {
  type        = string
  description = "Region of the jobs, which is that of their environment."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9 ]+$", var.location))
    error_message = "Name a region as Azure does: westeurope, or West Europe."
  }
}

variable "container_app_environment_id" {
  type        = string
  description = "Id of the Container Apps environment that runs the jobs."
  nullable    = false

  validation {
    condition     = can(regex("^/subscriptions/.+/providers/Microsoft.App/managedEnvironments/[^/]+$", var.container_app_environment_id))
    error_message = "Name the environment by its resource id: /subscriptions/…/providers/Microsoft.App/managedEnvironments/NAME."
  }
}

variable "quiver_store" {
  type        = string
  description = "URL of the store to keep, as the module's output quiver_store or one of quiver_stores."
  nullable    = false

  validation {
    condition     = can(regex("^azblob://[a-z0-9-]{3,63}(/[a-z0-9._/-]+)?\\?storage_account=[a-z0-9]{3,24}$", var.quiver_store))
    error_message = "The store is the URL of a container with its account, as azblob://container/prefix?storage_account=NAME."
  }
}

variable "identity" {
  type = object({
    id        = string
    client_id = string
  })
  description = "User-assigned identity that the jobs run as: its resource id and its client id. Name its principal id among the janitors of the store's trust domain."
  nullable    = false

  validation {
    condition     = can(regex("^/subscriptions/.+/providers/Microsoft.ManagedIdentity/userAssignedIdentities/[^/]+$", var.identity.id))
    error_message = "Name the identity by its resource id: /subscriptions/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME."
  }

  validation {
    condition     = can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.identity.client_id))
    error_message = "The client id of an identity is a UUID."
  }
}

variable "image" {
  type        = string
  description = "Image of the command quiver, as container/ builds it, in a registry that the environment reaches."
  nullable    = false

  validation {
    condition     = can(regex("^[^\\s:@]+(:[0-9]+)?(/[^\\s:@]+)*(:[\\w.-]+|@sha256:[0-9a-f]{64})$", var.image))
    error_message = "Name the image with its tag or its digest, as registry.example/quiver:1.0."
  }
}

variable "registry_server" {
  type        = string
  description = "Host of the registry, where the identity has to sign in to pull the image (role AcrPull); null where anybody may."
  default     = null
  nullable    = true

  validation {
    condition     = var.registry_server == null || can(regex("^[a-z0-9.-]+(:[0-9]+)?$", var.registry_server))
    error_message = "The registry is a host, as NAME.azurecr.io, without https:// before it."
  }
}

variable "fold_schedule" {
  type        = string
  description = "When to fold, in five fields as cron has them, in UTC. Fold about as often as somebody queries."
  default     = "*/15 * * * *"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9*/,-]+( [0-9*/,-]+){4}$", var.fold_schedule))
    error_message = "A schedule has five fields, as cron has them: */15 * * * *."
  }
}

variable "gc_schedule" {
  type        = string
  description = "When to remove what nothing needs: once a day or once a week."
  default     = "30 4 * * 0"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9*/,-]+( [0-9*/,-]+){4}$", var.gc_schedule))
    error_message = "A schedule has five fields, as cron has them: 30 4 * * 0."
  }
}

variable "max_age" {
  type        = string
  description = "Age from which gc evicts calls, as 180d or 12w; null to evict none and remove just the values that no call names."
  default     = null
  nullable    = true

  validation {
    condition     = var.max_age == null || can(regex("^[1-9][0-9]*[hdw]$", var.max_age))
    error_message = "An age is a number of hours, days or weeks: 36h, 180d, 12w."
  }
}

variable "timeout_seconds" {
  type        = number
  description = "Seconds after which a job is ended. What it has done by then stays done; gc lists anew each time, so give it more than a listing takes."
  default     = 3600
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 60 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "A job has a whole number of seconds, 60 at the least."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of the jobs."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[^<>%&\\\\?/]{1,512}$", key)) && length(value) <= 256])
    error_message = "A tag has a key of 1 to 512 characters, none of them <, >, %, &, \\, ? or /, and a value of at most 256."
  }
}
