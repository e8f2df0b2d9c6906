variable "project" {
  type        = string
  description = "ID of the project that the jobs run in."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Give the project's ID, not its number or its name: 6 to 30 lower-case letters, digits and hyphens, of which the first is a letter."
  }
}

variable "location" {
  type        = string
  description = "Region of the jobs and their schedules. Take the bucket's: another one makes them slower, and the traffic is paid for."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.location))
    error_message = "Name a region, as europe-west3: Cloud Run has no multi-regions."
  }
}

variable "name" {
  type        = string
  description = "What the names of jobs, schedules and accounts begin with. Each store of a project takes another."
  default     = "quiver"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$", var.name))
    error_message = "A name has up to 20 lower-case letters, digits and hyphens; it begins with a letter and ends with no hyphen."
  }
}

variable "quiver_store" {
  type        = string
  description = "URL of the store, as quiver_store of the module of the bucket, or one of its quiver_stores."
  nullable    = false

  validation {
    condition     = can(regex("^gs://[a-z0-9][a-z0-9._-]+[a-z0-9](/[a-z0-9._/-]*)?(\\?\\S*)?$", var.quiver_store))
    error_message = "Give the URL of one store, as gs://bucket or gs://bucket/prefix."
  }
}

variable "image" {
  type        = string
  description = "Container image of Quiver, whose entrypoint is quiver, with a tag or a digest. Cloud Run pulls from Artifact Registry."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.image))
    error_message = "Name the image with its registry and a tag or a digest, as europe-west3-docker.pkg.dev/PROJECT/REPOSITORY/quiver:TAG."
  }
}

variable "service_account" {
  type        = string
  description = "Email address of the service account that the jobs run as: a janitor of the store."
  nullable    = false

  validation {
    condition     = can(regex("^[^\\s:@]+@[^\\s:@]+$", var.service_account))
    error_message = "Give the account's email address, as janitor@PROJECT.iam.gserviceaccount.com, without serviceAccount: before it."
  }
}

variable "fold_schedule" {
  type        = string
  description = "When to fold, as cron has it: about as often as the store is queried."
  default     = "*/15 * * * *"
  nullable    = false

  validation {
    condition     = can(regex("^\\S+( \\S+){4}$", var.fold_schedule))
    error_message = "Give the five fields of cron, as \"*/15 * * * *\"."
  }
}

variable "gc_schedule" {
  type        = string
  description = "When to collect garbage, as cron has it."
  default     = "30 4 * * 0"
  nullable    = false

  validation {
    condition     = can(regex("^\\S+( \\S+){4}$", var.gc_schedule))
    error_message = "Give the five fields of cron, as \"30 4 * * 0\"."
  }
}

variable "max_age" {
  type        = string
  description = "Age from which gc evicts calls, as 180d or 26w; null for never: then only what nothing names is removed."
  default     = null
  nullable    = true

  validation {
    condition     = var.max_age == null || can(regex("^[1-9][0-9]*[dwh]$", var.max_age))
    error_message = "An age is a number with h, d or w after it, as 180d."
  }
}

variable "time_zone" {
  type        = string
  description = "Time zone of the schedules, by its name in the tz database."
  default     = "Etc/UTC"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$", var.time_zone))
    error_message = "Name a time zone as Europe/Berlin or Etc/UTC."
  }
}

variable "timeout_seconds" {
  type        = number
  description = "Seconds after which a run is ended. What it did by then is done, and the next one goes on."
  default     = 3600
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 60 && var.timeout_seconds <= 86400 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "Give a whole number of seconds from 60 to 86400."
  }
}

variable "memory" {
  type        = string
  description = "Memory of a run. gc takes 16 bytes for a value with its call, and 96 more in its temporary files, which are in memory, too: 1Gi is enough for some millions."
  default     = "1Gi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "Memory is given in Mi or Gi, as 1Gi."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of the jobs."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Labels have lower-case letters, digits, hyphens and underscores, 63 at the most, and a key begins with a letter."
  }
}
