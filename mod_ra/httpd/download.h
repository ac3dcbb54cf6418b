/* Files for everybody as attachments (RADownloads). Layer: httpd. */
#ifndef RA_HTTPD_DOWNLOAD_H
#define RA_HTTPD_DOWNLOAD_H

#include <httpd.h>

#include "httpd/inbound.h"

#define RA_DOWNLOAD_BASE "/downloads"

/** GET and HEAD of /downloads/NAME; ranges and conditional requests are httpd's. */
int ra_download_handler(request_rec *r, const ra_inbound_t *inbound);

#endif
