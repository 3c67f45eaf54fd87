# escape=`
FROM base
COPY C:\some\folder\ `
     C:\other\
RUN one `

    two
