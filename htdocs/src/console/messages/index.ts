// Texts of the console, by group of pages; those that the portal uses too are in shared/messages.ts.
import './frame'
import './fields'
import './application'
import './production'
import './office'
import './upstream'
import './administration'
