variable "project" {
  type        = string
  description = "ID of the project that the bucket and the custom roles are made in."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Give the project's ID, not its number or its name: 6 to 30 lower-case letters, digits and hyphens, of which the first is a letter."
  }
}

variable "bucket" {
  type        = string
  description = "Name of the bucket. All of Google Cloud shares one set of names."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, hyphens and underscores (dots are for domains), and begins and ends with a letter or a digit."
  }
}

variable "location" {
  type        = string
  description = "Region of the bucket. Take the one that the jobs run in: another one makes each hit slower, and its traffic is paid for."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z]+[A-Za-z0-9-]*$", var.location))
    error_message = "Name a region, as europe-west3, or a multi-region, as EU."
  }
}

variable "trust_domains" {
  type = map(object({
    prefixes = optional(list(string), [""])
    readers  = optional(list(string), [])
    writers  = optional(list(string), [])
    janitors = optional(list(string), [])
  }))
  description = "Trust domains by name: prefixes whose writers trust each other (\"\" is the whole bucket), and the IAM members of each role, as serviceAccount:job@…."
  default     = { main = {} }
  nullable    = false

  validation {
    condition     = length(var.trust_domains) > 0 && alltrue([for domain in keys(var.trust_domains) : can(regex("^[a-z0-9][a-z0-9_-]{0,31}$", domain))])
    error_message = "Name at least one trust domain. Names have up to 32 lower-case letters, digits, hyphens and underscores, and begin with a letter or a digit."
  }

  validation {
    condition     = alltrue([for domain in values(var.trust_domains) : length(domain.prefixes) > 0 && length(distinct(domain.prefixes)) == length(domain.prefixes)])
    error_message = "A trust domain has at least one prefix, and none twice; \"\" is the whole bucket."
  }

  validation {
    condition = alltrue(flatten([
      for domain in values(var.trust_domains) : [for prefix in domain.prefixes : prefix == "" || can(regex("^([a-z0-9._-]*[a-z0-9_-]/)*[a-z0-9._-]*[a-z0-9_-]$", prefix))]
    ]))
    error_message = "A prefix has lower-case letters, digits, dots, hyphens and underscores, in parts with a slash between them that do not end with a dot: \"team/project\"."
  }

  validation {
    condition = alltrue(flatten([
      for name, domain in var.trust_domains : [
        for other, elsewhere in var.trust_domains : [
          for outer in domain.prefixes : [
            for inner in elsewhere.prefixes : name == other || !startswith(inner == "" ? "" : "${inner}/", outer == "" ? "" : "${outer}/")
          ]
        ]
      ]
    ]))
    error_message = "Trust domains are apart: no prefix of one may be, or contain, a prefix of another. Put prefixes whose writers trust each other into one domain."
  }

  validation {
    condition = alltrue(flatten([
      for domain in values(var.trust_domains) : [
        for member in concat(domain.readers, domain.writers, domain.janitors) : can(regex("^(serviceAccount|user|group|principal|principalSet):\\S+$", member))
      ]
    ]))
    error_message = "Name members as IAM does: serviceAccount:…, group:…, user:…, principal:… or principalSet:…. The public (allUsers, allAuthenticatedUsers) gets nothing."
  }

  validation {
    condition = alltrue(flatten([
      for members in ["readers", "writers", "janitors"] : [
        for member in distinct(flatten([for domain in values(var.trust_domains) : domain[members]])) :
        sum([for domain in values(var.trust_domains) : contains(domain[members], member) ? length(domain.prefixes) : 0]) <= 20
      ]
    ]))
    error_message = "A member has a role on 20 prefixes at the most: IAM takes no more conditions of one role and member. Use a prefix that contains them."
  }
}

variable "role_prefix" {
  type        = string
  description = "What the ids of the custom roles begin with; null for quiver_ and the bucket's name. A deleted role keeps its id for up to 37 days: then give another."
  default     = null
  nullable    = true

  validation {
    condition     = var.role_prefix == null || can(regex("^[a-zA-Z0-9_.]{1,55}$", var.role_prefix))
    error_message = "Ids of roles have only letters, digits, underscores and dots, and 64 of them at the most: leave 9 for what follows."
  }
}

# An object, so that a plan knows that there is a key before the key has a name.
variable "kms_key" {
  type        = object({ name = string })
  description = "Key of Cloud KMS, in the bucket's location, as { name = google_kms_crypto_key.store.id }; null for Google's. The module lets the storage service agent use it."
  default     = null
  nullable    = true

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key.name))
    error_message = "Name the key in full, without a version: projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY."
  }
}

variable "versioning" {
  type        = bool
  description = "Keep what was replaced or deleted. Off, because marks are short-lived objects: each save makes one that a fold deletes, and each would be kept and paid for."
  default     = false
  nullable    = false
}

variable "noncurrent_days" {
  type        = number
  description = "Days after which old versions are deleted, where there are any."
  default     = 7
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "Old versions are kept for a whole number of days, one at the least."
  }
}

variable "soft_delete_days" {
  type        = number
  description = "Days for which what was replaced or deleted can be restored. None, as versioning is off: with Google's default of 7 each mark would be paid for so long."
  default     = 0
  nullable    = false

  validation {
    condition     = var.soft_delete_days == 0 || (var.soft_delete_days >= 7 && var.soft_delete_days <= 90 && floor(var.soft_delete_days) == var.soft_delete_days)
    error_message = "Google takes 0, which is off, or 7 to 90 days."
  }
}

variable "access_logs" {
  type = object({
    bucket = string
    prefix = optional(string)
  })
  description = "Bucket for usage logs, and what their names begin with; null for none. It is there already, and lets group:cloud-storage-analytics@google.com create objects."
  default     = null
  nullable    = true

  validation {
    condition     = var.access_logs == null || can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", var.access_logs.bucket)) && try(var.access_logs.bucket, "") != var.bucket
    error_message = "Name another bucket for the logs, without gs:// before it: logs in the bucket itself would be logged, too, and are not Quiver's."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of the bucket."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Labels have lower-case letters, digits, hyphens and underscores, 63 at the most, and a key begins with a letter."
  }
}

variable "force_destroy" {
  type        = bool
  description = "Let terraform destroy delete the bucket with everything that is in it. Off: a bucket that is not empty stays."
  default     = false
  nullable    = false
}
