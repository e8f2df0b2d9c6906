variable "bucket" {
  type        = string
  description = "Name of the bucket to make. Names are unique among all accounts."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and begins and ends with a letter or a digit."
  }
}

variable "region" {
  type        = string
  description = "Region of the bucket; null for the provider's. Take the one where the jobs run: traffic between regions is slow and paid for."
  default     = null
  nullable    = true

  validation {
    condition     = var.region == null || can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "Name a region as AWS does, as eu-central-1, or null for the provider's."
  }
}

variable "trust_domains" {
  type = map(object({
    prefixes = optional(list(string), [""])
    readers  = optional(list(string), [])
    writers  = optional(list(string), [])
    janitors = optional(list(string), [])
  }))
  description = "Trust domains by name: the prefixes whose writers trust each other (\"\" is the whole bucket), and the names of the IAM roles that get each right."
  default     = { main = {} }
  nullable    = false

  validation {
    condition     = length(var.trust_domains) > 0 && alltrue([for name, domain in var.trust_domains : can(regex("^[a-z0-9][a-z0-9_-]{0,31}$", name))])
    error_message = "Name at least one trust domain, by 1 to 32 lower-case letters, digits, hyphens and underscores: the name becomes a part of policies' names."
  }

  validation {
    condition = alltrue([for domain in values(var.trust_domains) :
      length(domain.prefixes) > 0 && length(distinct(domain.prefixes)) == length(domain.prefixes)
    ])
    error_message = "A trust domain has at least one prefix, and none twice; \"\" is the whole bucket."
  }

  validation {
    condition = alltrue(flatten([for domain in values(var.trust_domains) : [for prefix in domain.prefixes :
      prefix == "" || can(regex("^([a-z0-9._-]*[a-z0-9_-]/)*[a-z0-9._-]*[a-z0-9_-]$", prefix))
    ]]))
    error_message = "A prefix has lower-case letters, digits, dots, hyphens and underscores, in parts with a slash between them that do not end with a dot: \"team/project\"."
  }

  validation {
    condition = alltrue(flatten([for name, domain in var.trust_domains : [for other, inner in var.trust_domains : [for outside in domain.prefixes : [for inside in inner.prefixes :
      name == other || (outside != "" && !startswith("${inside}/", "${outside}/"))
    ]]]]))
    error_message = "Trust domains are apart: no prefix of one may be, or lie within, a prefix of another. Put prefixes whose writers trust each other into one domain."
  }

  validation {
    condition = alltrue(flatten([for domain in values(var.trust_domains) : [for role in concat(domain.readers, domain.writers, domain.janitors) :
      can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", role))
    ]]))
    error_message = "Readers, writers and janitors are names of IAM roles of this account, as \"train\", without path, and not their ARNs."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "ARN of a KMS key of your own for the objects; null for the key that S3 keeps. Its policy has to let IAM policies grant its use, as the default one does."
  default     = null
  nullable    = true

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+$", var.kms_key_arn))
    error_message = "Name the key by its ARN, as arn:aws:kms:eu-central-1:123456789012:key/…: an alias does not do in a policy."
  }
}

variable "versioning" {
  type        = string
  description = "Disabled, Enabled, or Suspended, where it was once Enabled. Each save makes a mark that a fold deletes, and versioning would keep it and have you pay for it."
  default     = "Disabled"
  nullable    = false

  validation {
    condition     = contains(["Disabled", "Enabled", "Suspended"], var.versioning)
    error_message = "Versioning is Disabled, Enabled or Suspended."
  }
}

variable "noncurrent_days" {
  type        = number
  description = "Days after which old versions are deleted, where there are any."
  default     = 7
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days == floor(var.noncurrent_days)
    error_message = "Old versions are kept for a whole number of days, one at the least."
  }
}

variable "access_logs" {
  type = object({
    bucket = string
    prefix = optional(string, "")
  })
  description = "Bucket of the same region and account for access logs, which lets logging.s3.amazonaws.com put objects, and what their names begin with; null for none."
  default     = null
  nullable    = true

  validation {
    condition     = var.access_logs == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.access_logs.bucket)) && try(var.access_logs.bucket, "") != var.bucket
    error_message = "Name another bucket for the logs: logs in the bucket itself would be logged, too, and are not Quiver's."
  }
}

variable "force_destroy" {
  type        = bool
  description = "Whether destroying the bucket deletes all that is remembered in it."
  default     = false
  nullable    = false
}

variable "tags" {
  type        = map(string)
  description = "Tags of the bucket and the policies."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[^\\s].{0,127}$", key)) && !startswith(lower(key), "aws:") && length(value) <= 256])
    error_message = "A tag has a key of 1 to 128 characters, not beginning with aws:, and a value of at most 256."
  }
}
