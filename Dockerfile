# What it is for: gradientd on Debian's libvips, which decodes HEIC, AVIF and JPEG XL too.
# What it refuses: compilers, pip and root in the image that runs.

FROM python:3.13-slim-trixie AS build

# python3-dev: the headers, where the base image's Python is Debian's own.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev libvips-dev pkg-config python3-dev \
 && rm -rf /var/lib/apt/lists/*

RUN python -m venv --without-pip /opt/gradientd
WORKDIR /src
# The dependencies first: they change less often than the code, and pyvips is compiled here (API mode).
COPY setup.cfg setup.py ./
COPY gradientd/__init__.py gradientd/
RUN pip --python /opt/gradientd/bin/python install --no-cache-dir --no-binary pyvips './[hashes]' \
 && /opt/gradientd/bin/python -c 'import pyvips; assert pyvips.API_mode'

COPY LICENSE ./
COPY gradientd gradientd
RUN pip --python /opt/gradientd/bin/python install --no-cache-dir --no-deps --force-reinstall .
# Left behind: the dependencies' own test suites, and botocore's models of every service but S3.
RUN find /opt/gradientd/lib -type d -name tests -prune -exec rm -r {} + \
 && find /opt/gradientd/lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 -exec rm -r {} +


FROM python:3.13-slim-trixie

# libde265 decodes HEIC, dav1d AVIF. The pip that the base image brings has nothing to do here.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libheif-plugin-dav1d libheif-plugin-libde265 libvips42t64 \
 && rm -rf /var/lib/apt/lists/* \
    /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/pip*

COPY --from=build /opt/gradientd /opt/gradientd

# Jobs run side by side, so that one picture needs one thread; two malloc arenas keep their memory together. Large pages
# spare a progressive JPEG a sixth of its CPU: it needs memory for all its coefficients, which is asked for page by page.
ENV PATH=/opt/gradientd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VIPS_CONCURRENCY=1 \
    MALLOC_ARENA_MAX=2 \
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1

# By number, so that Kubernetes can see that it is not root. It writes to /tmp only: the root may be read-only.
USER 10001:10001
WORKDIR /tmp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s CMD ["gradientd", "health"]
ENTRYPOINT ["gradientd"]

ARG VERSION=dev
LABEL org.opencontainers.image.title="gradientd" \
      org.opencontainers.image.description="Turns a gallery's pictures into colour gradients and blur placeholders" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
